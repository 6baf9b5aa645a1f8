// The end of the log, as it grows. Not a live region: nobody wants each line read out.

const LOOK = 2000; // ms
const LONGEST = 1_000_000; // characters kept on the page
const log = document.getElementById("log");
const stream = document.getElementById("log-stream");
const follow = document.getElementById("log-follow");
let offset, launch, look = 0, timer;

async function read(mine) {
  let ended = false;
  try {
    const query = new URLSearchParams({ stream: stream.value, ...(offset === undefined ? { tail: 400 } : { offset }) });
    const answer = await fetch(`${log.dataset.url}?${query}`, { headers: { Accept: "application/json" } });
    if (!answer.ok) throw new Error(answer.status);
    const part = await answer.json();
    if (mine !== look) return;
    if (offset === undefined) log.replaceChildren();
    offset = launch !== undefined && part.launch !== launch ? 0 : part.next_offset; // a resumed run begins a new log
    if (offset === 0 && part.launch !== launch && launch !== undefined) part.text = "";
    launch = part.launch;
    ended = part.ended && !part.text;
    add(part.text);
    if (!log.textContent) log.textContent = log.dataset.empty;
  } catch {
    if (mine !== look) return;
    if (!log.textContent) log.textContent = log.dataset.away;
  }
  timer = setTimeout(() => read(mine), ended ? LOOK * 10 : LOOK); // an ended run may be resumed
}

function add(text) {
  if (!text) return;
  if (log.textContent === log.dataset.empty || log.textContent === log.dataset.away) log.replaceChildren();
  log.append(text);
  if (log.textContent.length > LONGEST) log.textContent = log.textContent.slice(-LONGEST / 2);
  if (follow.checked) log.scrollTop = log.scrollHeight;
}

function begin() {
  clearTimeout(timer);
  offset = launch = undefined;
  read(++look);
}

stream.addEventListener("change", begin);
follow.addEventListener("change", () => follow.checked && (log.scrollTop = log.scrollHeight));
log.addEventListener("wheel", (event) => event.deltaY < 0 && (follow.checked = false), { passive: true }); // reading back: stay there
document.addEventListener("visibilitychange", () => {
  if (document.hidden) {
    look++;
    clearTimeout(timer);
  } else if (offset === undefined) begin();
  else read(++look);
});
begin();
