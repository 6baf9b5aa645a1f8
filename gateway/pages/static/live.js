// Keeps the regions marked data-live as the gateway draws them: an event tells that something is new, then the page is fetched anew.
// So there is one place that draws, in one language, and a page without script shows the same.

import { write } from "./time.js";

const SOONEST = 1000; // ms between two looks
const LATEST = 15000; // a look without any event: heartbeats are none
const { events, on, off } = document.body.dataset;
const sign = document.getElementById("live");
const said = document.getElementById("said");
const drawn = new Map(); // id -> as the gateway sent it last
let source, timer, looking, lookedAt = 0, again = false;

for (const region of document.querySelectorAll("[data-live]")) drawn.set(region.id, text(region));

/** What a region says, but for its clocks: those run by themselves. */
function text(region) {
  return region.outerHTML.replace(/(data-(?:since|ago|time)[^>]*>)[^<]*/g, "$1").replace(/ title="[^"]*"(?=[^>]*data-time)|(?<=data-time[^>]*) title="[^"]*"/g, "");
}

/** Fetch the page and take over what has changed. */
export async function refresh() {
  if (looking) {
    again = true;
    return;
  }
  looking = true;
  clearTimeout(timer);
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" }, redirect: "manual" });
    if (answer.type === "opaqueredirect") location.reload(); // the session is over
    if (answer.ok) take(new DOMParser().parseFromString(await answer.text(), "text/html"));
  } catch {
    // away: the next look comes by itself
  } finally {
    looking = false;
    lookedAt = Date.now();
    if (!document.hidden) timer = setTimeout(refresh, again ? SOONEST : LATEST);
    again = false;
  }
}

function soon() {
  clearTimeout(timer);
  timer = setTimeout(refresh, Math.max(0, lookedAt + SOONEST - Date.now()));
}

function take(page) {
  const before = words(document);
  for (const fresh of page.querySelectorAll("[data-live]")) {
    const region = document.getElementById(fresh.id);
    const now = text(fresh);
    if (!region || drawn.get(fresh.id) === now || region.querySelector("dialog[open]")) continue; // nobody is interrupted in a dialog
    drawn.set(fresh.id, now);
    const focused = region.contains(document.activeElement) ? document.activeElement.id : "";
    const places = [...region.querySelectorAll("[id], .scroll")].map((element, index) => [index, element.scrollTop, element.scrollLeft]);
    const opened = new Set([...region.querySelectorAll("details[open] > summary[id]")].map((element) => element.id));
    region.replaceWith(document.adoptNode(fresh));
    write(fresh);
    const elements = fresh.querySelectorAll("[id], .scroll");
    for (const [index, top, left] of places) if ((top || left) && elements[index]) elements[index].scrollTo(left, top);
    for (const id of opened) document.getElementById(id)?.parentElement.setAttribute("open", "");
    if (focused) (document.getElementById(focused) ?? document.getElementById("main")).focus({ preventScroll: true }); // a button may be gone
  }
  document.title = page.title;
  tell(before);
}

/** What a screen reader hears: that a run has another state, not each step of its progress. */
function words(root) {
  return new Map([...root.querySelectorAll("[data-said]")].map((element) => [element.dataset.run ?? element.id, element.dataset.said]));
}

function tell(before) {
  const news = [...words(document)].filter(([id, text]) => before.has(id) && before.get(id) !== text).map(([, text]) => text);
  if (news.length) said.textContent = news.slice(0, 3).join(". ");
}

function show(connected) {
  if (!sign) return;
  sign.hidden = false;
  sign.classList.toggle("on", connected);
  sign.lastElementChild.textContent = connected ? on : off;
}

function listen() {
  if (!events || source) return;
  source = new EventSource(events);
  source.onopen = () => show(true);
  source.onerror = () => {
    setTimeout(() => show(source?.readyState === EventSource.OPEN), 3000); // streams end now and then, and begin anew at once
    if (source?.readyState === EventSource.CLOSED) {
      source = undefined; // refused for now (a proxy's 502, a restart): EventSource gives up there, we do not
      setTimeout(() => document.hidden || listen(), 5000);
    }
  };
  source.onmessage = soon;
}

// A browser opens six connections to a host: pages that nobody looks at hold none.
document.addEventListener("visibilitychange", () => {
  if (document.hidden) {
    source?.close();
    source = undefined;
    clearTimeout(timer);
  } else {
    listen();
    refresh();
  }
});
document.addEventListener("llamaflow:changed", refresh);
if (!document.hidden) {
  listen();
  timer = setTimeout(refresh, LATEST);
}
