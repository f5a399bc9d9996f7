// What just happened, in a corner. A success leaves after five seconds, a failure stays until it is closed.
//   toast("Copied")   toast("Not saved", { tone: "error" })   announce("TIDE-053 is ready")
// A response may send the header HX-Trigger: {"toast": {"text": "Saved", "tone": "success"}}. With `undo` ({post, values, target}) it has a button that
// posts that and swaps the answer in, or, with `form`, sends that form of the page; with `kind` it takes the place of the one of that kind before; with `told`
// ({post, ids}) the server hears that it was shown.
//   pin("session", "You are signed out.", [["Sign in", open]])   stays until   unpin("session")
//   failed(answer)   says why a request was not done; without an answer there was none
import { isIn, send } from "app/request";

const STAYS = new Set(["error", "warning"]);
const SHOWN_FOR = 5000;

export function announce(text) {
  const region = document.getElementById("announce");
  if (region) region.textContent = text;
}

function undoing({ post, values, target, form }, box) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "btn btn--quiet btn--sm";
  button.textContent = "Undo";
  button.addEventListener("click", () => {
    if (form) document.querySelector(form)?.requestSubmit();
    else htmx.ajax("POST", post, { values, target, swap: "outerMorph" });
    box.remove();
  });
  return button;
}

const ofKind = (kind) => document.querySelectorAll(`#toasts > [data-kind="${CSS.escape(kind)}"]`);

function shown({ text, tone, kind, buttons }) {
  if (kind) ofKind(kind).forEach((one) => one.remove());
  const box = Object.assign(document.createElement("div"), { className: "toast" });
  box.dataset.tone = tone;
  if (kind) box.dataset.kind = kind;
  box.append(Object.assign(document.createElement("span"), { textContent: text }), ...buttons(box));
  const region = document.getElementById("toasts");
  region?.append(box);
  raise(region);
  return box;
}

export function toast(text, { tone = "success", kind = "", undo = null, told = null } = {}) {
  const close = Object.assign(document.createElement("button"), { type: "button", className: "btn btn--ghost btn--sm", textContent: "Close" });
  close.dataset.toastClose = "";
  const box = shown({ text, tone, kind, buttons: (it) => [...(undo ? [undoing(undo, it)] : []), close] });
  if (told) confirmShown(box, told);
  leaveLater(box);
  return box;
}

// A line that stays until it is over, with buttons ([words, what they do]) or links ([words, address]).
export function pin(kind, text, acts) {
  if ([...ofKind(kind)].some((one) => one.firstChild.textContent === text)) return;
  const buttons = () => acts.map(([words, act]) => {
    const one = Object.assign(document.createElement(typeof act === "string" ? "a" : "button"), { className: "btn btn--primary btn--sm", textContent: words });
    if (typeof act === "string") one.href = act;
    else { one.type = "button"; one.addEventListener("click", act); }
    return one;
  });
  shown({ text, tone: "warning", kind, buttons }).dataset.pinned = "";
}
export const unpin = (kind) => ofKind(kind).forEach((one) => one.remove());

// The server hears that this was shown, and says it again until then: {post, ids}.
function confirmShown(box, { post, ids }) {
  if (document.hidden) { document.addEventListener("visibilitychange", () => confirmShown(box, { post, ids }), { once: true }); return; }
  if (!box.isConnected) return;
  send(post, { method: "POST", body: new URLSearchParams(ids.map((id) => ["id", id])) }, "never").catch(() => { /* the next answer brings it again */ });
}

// A modal dialog covers everything below the top layer: as a popover the region is shown above it.
function raise(region) {
  if (!region?.showPopover) return;
  if (region.matches(":popover-open")) region.hidePopover();
  region.showPopover();
}

function leaveLater(box) {
  if (document.hidden) { document.addEventListener("visibilitychange", () => leaveLater(box), { once: true }); return; } // nobody has seen it
  if (STAYS.has(box.dataset.tone) || "stays" in box.dataset) return;
  setTimeout(() => { if (box.matches(":hover, :focus-within")) leaveLater(box); else box.remove(); }, SHOWN_FOR);
}

// Why it was not done. What is not in the list is a fault of the studio's.
const SENTENCES = {
  400: "The studio could not read this request. Load the page again; copy what you typed first.",
  401: "You are signed out. What you typed is still here; sign in and try again.",
  403: "You are not allowed to do this.",
  404: "This is not there any more.",
  408: "The connection was too slow, and nothing was done. Try again.",
  409: "Somebody else changed this at the same time. Load the page again to see it.",
  410: "This has ended and is not available any more.",
  413: "Too large to send.",
  429: "Too many requests. Wait a moment and try again.",
  502: "The studio is not running at the moment. What you typed is still here; try again in a moment.",
  503: "The studio is busy and did not answer. What you typed is still here; try again in a moment.",
  507: "The studio’s disk is full or closed to it. Nothing was stored; what you typed is still here. Tell an admin.",
};
SENTENCES[504] = SENTENCES[502];
const LOST = "No answer from the studio. Check the connection; what you typed is still here.";
const OFFLINE = "You are offline. What you typed is still here; try again when you are back.";
const STALE = "This page is older than your last sign-in, and nothing was done. Copy what you typed and load the page again.";
const FAULT = "Something went wrong at the studio. Nothing was sent twice; try again.";

export function sentence(answer) {
  if (!answer) return navigator.onLine ? LOST : OFFLINE;
  if (answer.status === 429) {
    const seconds = Number(answer.headers.get("Retry-After"));
    if (seconds > 0) return `Too many requests. Try again in ${seconds > 90 ? `${Math.ceil(seconds / 60)} minutes` : `${seconds} s`}.`;
  }
  const limit = answer.headers.get("Studio-Limit");
  if (answer.status === 413 && limit) return `Too large: at most ${limit} can be sent here. What you typed is still here.`;
  if (answer.status === 403 && answer.headers.get("Studio-Session") === "stale") return STALE;
  return SENTENCES[answer.status] ?? FAULT;
}
export function failed(answer) {
  if ([401, 403].includes(answer?.status) && !isIn()) return; // a line says it
  toast(sentence(answer), { tone: "error", kind: "failed" });
}

document.addEventListener("click", (e) => e.target.closest?.("[data-toast-close]")?.closest(".toast")?.remove());
document.addEventListener("toast", (e) => toast(e.detail.text ?? e.detail.value ?? "", e.detail));
document.addEventListener("htmx:response:error", (e) => {
  const { ctx } = e.detail;
  if (ctx.sourceElement?.closest?.("[data-quiet]")) return; // the board's poll says "Reconnecting" itself
  if (ctx.response.status === 422) return; // the form says it beside the field
  failed(ctx.response);
});
document.addEventListener("htmx:error", (e) => {
  const { ctx } = e.detail;
  if (!ctx || ctx.sourceElement?.closest?.("[data-quiet]")) return;
  if (ctx.response) toast("The answer could not be shown. Load the page again.", { tone: "error", kind: "failed" });
  else failed(null);
});
for (const box of document.querySelectorAll("#toasts > .toast")) {
  leaveLater(box);
  const { toldPost: post, toldIds: ids } = box.dataset;
  if (post) confirmShown(box, { post, ids: ids.split(" ") });
}
