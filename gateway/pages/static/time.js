// Times in the reader's zone and language; clocks that run between two looks at the gateway.

const language = document.documentElement.lang;
const written = new Intl.DateTimeFormat(language, { day: "2-digit", month: "short", hour: "2-digit", minute: "2-digit" });
const whole = new Intl.DateTimeFormat(language, { dateStyle: "full", timeStyle: "long" });
const relative = new Intl.RelativeTimeFormat(language, { numeric: "always", style: "short" });

/** Its two largest units, as Texts.duration of the gateway writes them. */
export function duration(seconds) {
  const s = Math.max(0, Math.floor(seconds));
  const [days, hours, minutes] = [Math.floor(s / 86400), Math.floor(s / 3600) % 24, Math.floor(s / 60) % 60];
  if (days) return `${days} d ${hours} h`;
  if (hours) return `${hours} h ${minutes} min`;
  return minutes ? `${minutes} min ${s % 60} s` : `${s} s`;
}

function ago(seconds) {
  if (seconds < 90) return relative.format(-Math.max(0, Math.round(seconds)), "second");
  if (seconds < 5400) return relative.format(-Math.round(seconds / 60), "minute");
  if (seconds < 129600) return relative.format(-Math.round(seconds / 3600), "hour");
  return relative.format(-Math.round(seconds / 86400), "day");
}

const secondsSince = (iso) => (Date.now() - Date.parse(iso)) / 1000;

/** Write all times below an element. */
export function write(root = document) {
  for (const element of root.querySelectorAll("[data-time]")) {
    const moment = new Date(element.dateTime);
    element.textContent = written.format(moment);
    element.title = whole.format(moment);
  }
  tick(root);
}

function tick(root = document) {
  for (const element of root.querySelectorAll("[data-since]")) set(element, duration(secondsSince(element.dataset.since)));
  for (const element of root.querySelectorAll("[data-ago]")) set(element, ago(secondsSince(element.dataset.ago)));
}

function set(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

write();
setInterval(() => document.hidden || tick(), 1000);
