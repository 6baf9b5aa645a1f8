// A link from elsewhere comes without the session's cookie (SameSite=Strict), so it ends here; a request from here has it.

const next = document.getElementById("login").dataset.next;
const answer = await fetch("/session");
if ((await answer.json()).session) location.replace(next);
