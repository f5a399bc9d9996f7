// Forms that leave the page, as most in settings do: to a session that is over, or while the server is away, the answer
// would be a page without what was typed. So the server is asked first who is signed in. If it is the page's person, the
// form goes with the newest token; else the page stays as it is.
import { hasPerson, present } from "app/request";
import { failed } from "app/toast";

const asked = new WeakSet(); // submitted again by us
const under = new WeakSet();

function leaves(form, submitter) {
  const method = submitter?.getAttribute("formmethod") ?? form.getAttribute("method") ?? "get";
  if (method.toLowerCase() !== "post" || form.getAttribute("target") === "_blank") return false;
  return !form.matches("[hx-post], [data-anyone]") || submitter?.matches("[data-whole-page]");
}

document.addEventListener("submit", (e) => {
  const form = e.target, { submitter } = e;
  if (asked.has(form) || !hasPerson() || e.defaultPrevented || !leaves(form, submitter)) return;
  e.preventDefault();
  e.stopImmediatePropagation();
  if (!under.has(form)) goOn(form, submitter);
}, true);

async function goOn(form, submitter) {
  under.add(form);
  const found = await present();
  under.delete(form);
  if (found === "away") { failed(null); return; }
  if (found !== "in" || !form.isConnected) return;
  asked.add(form);
  try { form.requestSubmit(submitter?.isConnected ? submitter : undefined); } finally { asked.delete(form); }
}
