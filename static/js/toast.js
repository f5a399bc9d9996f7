// What just happened, in a corner. A success leaves after five seconds, a failure stays until it is closed.
//   toast("Copied")   toast("Not saved", { tone: "error" })   announce("TIDE-053 is ready")
// A response may send the header HX-Trigger: {"toast": {"text": "Saved", "tone": "success"}}. With `undo` ({post, values, target}) it has a button that
// posts that and swaps the answer in, or, with `form`, sends that form of the page; with `kind` it takes the place of the one of that kind before.

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

export function toast(text, { tone = "success", kind = "", undo = null } = {}) {
  if (kind) document.querySelectorAll(`#toasts > [data-kind="${CSS.escape(kind)}"]`).forEach((one) => one.remove());
  const box = document.createElement("div");
  box.className = "toast";
  box.dataset.tone = tone;
  if (kind) box.dataset.kind = kind;
  const words = document.createElement("span");
  words.textContent = text;
  const close = document.createElement("button");
  close.type = "button";
  close.className = "btn btn--ghost btn--sm";
  close.dataset.toastClose = "";
  close.textContent = "Close";
  box.append(words, ...(undo ? [undoing(undo, box)] : []), close);
  const region = document.getElementById("toasts");
  region?.append(box);
  raise(region);
  leaveLater(box);
  return box;
}

// A modal dialog covers everything below the top layer: as a popover the region is shown above it.
function raise(region) {
  if (!region?.showPopover) return;
  if (region.matches(":popover-open")) region.hidePopover();
  region.showPopover();
}

function leaveLater(box) {
  if (STAYS.has(box.dataset.tone) || "stays" in box.dataset) return;
  setTimeout(() => { if (box.matches(":hover, :focus-within")) leaveLater(box); else box.remove(); }, SHOWN_FOR);
}

export const SENTENCES = {
  0: "No answer. Check the connection; what you typed is still here.",
  401: "You are signed out. Open a new tab, sign in, and try again.",
  403: "You are not allowed to do this.",
  404: "This is not there any more.",
  413: "Too large to send.",
  429: "Too many requests. Wait a moment and try again.",
  503: "The database is busy and did not answer. What you typed is still here; try again in a moment.",
  507: "The studio’s disk is full or closed to it. Nothing was stored; what you typed is still here. Tell an admin.",
};

document.addEventListener("click", (e) => e.target.closest?.("[data-toast-close]")?.closest(".toast")?.remove());
document.addEventListener("toast", (e) => toast(e.detail.text ?? e.detail.value ?? "", e.detail));
document.addEventListener("htmx:response:error", (e) => {
  const { ctx } = e.detail;
  if (ctx.sourceElement?.closest?.("[data-quiet]")) return; // the board's poll says "Reconnecting" itself
  if (ctx.response.status === 422) return; // the form says it beside the field
  toast(SENTENCES[ctx.response.status] ?? "Something went wrong here. Nothing was sent twice; try again.", { tone: "error" });
});
document.addEventListener("htmx:error", (e) => {
  if (e.detail.ctx && !e.detail.ctx.sourceElement?.closest?.("[data-quiet]")) toast(SENTENCES[0], { tone: "error" });
});
document.querySelectorAll("#toasts > .toast").forEach(leaveLater);
