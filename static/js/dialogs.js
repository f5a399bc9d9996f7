// What dialogs and popovers need beyond the platform: fallbacks for older browsers, and a place under their button.

document.querySelectorAll("dialog[data-open]").forEach((dialog) => dialog.showModal());

// <dialog data-anew>: what was fetched into it leaves when it closes, so that it never opens with the form of something else.
document.querySelectorAll("dialog[data-anew]").forEach((dialog) => {
  const blank = [...dialog.children].map((child) => child.cloneNode(true));
  dialog.addEventListener("close", () => dialog.replaceChildren(...blank.map((child) => child.cloneNode(true))));
});

// <button commandfor command="show-modal|close">: Safari before 26.2, Chrome before 135
if (!("commandForElement" in HTMLButtonElement.prototype)) {
  document.addEventListener("click", (e) => {
    const button = e.target.closest?.("button[commandfor]");
    const dialog = button && document.getElementById(button.getAttribute("commandfor"));
    if (!dialog) return;
    if (button.getAttribute("command") === "show-modal") dialog.showModal(); else dialog.close();
  });
}

// closedby="any": not in Safari. A press on the backdrop hits the dialog itself, outside its box.
if (!("closedBy" in HTMLDialogElement.prototype)) {
  document.addEventListener("click", (e) => {
    if (!e.target.matches?.('dialog[closedby="any"]')) return;
    const box = e.target.getBoundingClientRect();
    const inside = e.clientX >= box.left && e.clientX <= box.right && e.clientY >= box.top && e.clientY <= box.bottom;
    if (!inside) e.target.close();
  });
}

// Popovers stand under their button, or above it where there is no room. `toggle` does not bubble: listen while it goes down.
const GAP = 6, EDGE = 10;
document.addEventListener("toggle", (e) => {
  const panel = e.target, button = buttonOf(panel);
  if (!button) return;
  button.setAttribute("aria-expanded", e.newState === "open");
  if (e.newState !== "open") return;
  place(panel, button);
  panel.querySelector('[aria-checked="true"], [autofocus]')?.focus();
}, true);

// A swap that comes while one is open takes away where it stands, and that its button says so: the server knows of neither.
document.addEventListener("htmx:after:swap", () => {
  for (const panel of document.querySelectorAll("[popover]:popover-open")) {
    const button = buttonOf(panel);
    button?.setAttribute("aria-expanded", true);
    if (button) place(panel, button);
  }
});

const buttonOf = (panel) => panel.id && panel.matches?.("[popover]") ? document.querySelector(`[popovertarget="${CSS.escape(panel.id)}"]`) : null;

function place(panel, button) {
  const at = button.getBoundingClientRect();
  const below = at.bottom + GAP;
  const top = below + panel.offsetHeight > innerHeight ? at.top - panel.offsetHeight - GAP : below;
  panel.style.left = `${Math.max(EDGE, Math.min(at.left, innerWidth - panel.offsetWidth - EDGE))}px`;
  panel.style.top = `${Math.max(EDGE, top)}px`;
}
