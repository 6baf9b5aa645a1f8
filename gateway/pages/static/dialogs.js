// Confirmation before anything changes; then the API is called, and the page looks again.

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-dialog]");
  if (opener) {
    const dialog = document.getElementById(opener.dataset.dialog);
    dialog.querySelector(".error").textContent = "";
    dialog.returnFocus = opener.id;
    dialog.showModal();
  }
  if (event.target.closest("[data-close]")) event.target.closest("dialog").close();
});

document.addEventListener("submit", async (event) => {
  const form = event.target.closest("form[data-call]");
  if (!form) return;
  event.preventDefault();
  const dialog = form.closest("dialog");
  const button = form.querySelector("[type=submit]");
  const error = form.querySelector(".error");
  button.disabled = true;
  error.textContent = "";
  try {
    const answer = await fetch(form.dataset.call, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-LlamaFlow-Page": "1", "Idempotency-Key": crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}` },
      body: JSON.stringify(Object.fromEntries(new FormData(form))),
    });
    const body = await answer.json().catch(() => ({}));
    if (!answer.ok) throw new Error(body.msg || `${answer.status} ${answer.statusText}`);
    dialog.close();
    if (body.run_id && location.pathname.startsWith("/runs/") && !location.pathname.endsWith(body.run_id)) location.assign(`/runs/${encodeURIComponent(body.run_id)}`);
    document.dispatchEvent(new Event("llamaflow:changed"));
  } catch (problem) {
    error.textContent = problem.message;
  } finally {
    button.disabled = false;
  }
});

// The button that opened it may be gone by then (a canceled run has no Cancel): then the focus goes to the content, not to nowhere.
document.addEventListener("close", (event) => {
  const opener = document.getElementById(event.target.returnFocus);
  (opener ?? document.getElementById("main")).focus({ preventScroll: true });
}, true);
