// Single keys. Off while typing, under an open dialog, and when the person switched them off (WCAG 2.1.4).
// Pages name their own: <button data-key="f">, <a data-key="c" href> are pressed; <textarea data-key="c"> is focused. Two keys in a row: data-key="g s".

const PAUSE = 1200; // ms between the two keys of "g s"
let first = null, timer;

const off = () => { try { return localStorage.getItem("keys") === "off"; } catch { return false; } };
const typing = (target) => target.closest?.("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]");
const scope = () => [...document.querySelectorAll("dialog:modal")].at(-1) ?? document;
const isShown = (element) => element.checkVisibility?.() ?? element.offsetParent !== null;

function press(element) {
  if (element.matches("input, textarea, select")) element.focus(); else element.click();
}

function step(direction) {
  const items = [...scope().querySelectorAll(".card__prompt a, .tile > a")].filter(isShown);
  const at = items.indexOf(document.activeElement);
  items[Math.max(0, Math.min(items.length - 1, at + direction))]?.focus();
}

function act(keys) {
  if (keys === "?") {
    const help = document.getElementById("keys");
    if (help && !help.open) help.showModal();
    return true;
  }
  if (keys === "j" || keys === "k") {
    step(keys === "j" ? 1 : -1);
    return true;
  }
  const named = [...scope().querySelectorAll(`[data-key="${CSS.escape(keys)}"]`)];
  const element = named.find(isShown) ?? named.find((one) => one.matches("a[href]")); // links in a folded sidebar still lead somewhere
  if (element) press(element);
  return Boolean(element);
}

document.addEventListener("keydown", (e) => {
  if (e.defaultPrevented || e.metaKey || e.ctrlKey || e.altKey || e.isComposing || typing(e.target) || off()) return;
  if (e.key.length !== 1) return;
  const key = e.key.toLowerCase();
  clearTimeout(timer);
  const keys = first ? `${first} ${key}` : key;
  if (first === null && scope().querySelector(`[data-key^="${CSS.escape(key)} "]`)) {
    first = key;
    timer = setTimeout(() => { first = null; }, PAUSE);
    return;
  }
  first = null;
  if (act(keys)) e.preventDefault();
});

const box = document.querySelector("[data-keys-switch]");
if (box) {
  box.checked = !off();
  box.addEventListener("change", () => {
    try {
      if (box.checked) localStorage.removeItem("keys");
      else localStorage.setItem("keys", "off");
    } catch { /* storage is off */ }
  });
}
