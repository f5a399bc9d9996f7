// Single keys. Off while typing, under an open dialog, and when the person switched them off (WCAG 2.1.4).
// Pages name their own: <button data-key="f">, <a data-key="c" href> are pressed; <textarea data-key="c"> is focused. Two keys in a row: data-key="g s".
// On a wall the tile with the focus, or under the pointer, is meant: <button data-near-key="1">.

import { send } from "app/request";
import { choose, chosen } from "app/storage";

const PAUSE = 1200; // ms between the two keys of "g s"
let first = null, timer;

export const off = () => chosen("keys") === "off";
export const typing = (target) => target.closest?.("input:not([type=checkbox], [type=radio], [type=range]), textarea, select, [contenteditable]");
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

function nearby(keys) {
  if (scope() !== document) return null;
  const tile = document.activeElement?.closest(".tile") ?? document.querySelector(".tile:hover");
  return tile?.querySelector(`[data-near-key="${CSS.escape(keys)}"]`) ?? null;
}

function act(keys, { shiftKey, repeat }) {
  if (keys === "?") {
    const help = document.getElementById("keys");
    if (help && !help.open) help.showModal();
    return true;
  }
  if (keys === "j" || keys === "k") {
    step(keys === "j" ? 1 : -1);
    return true;
  }
  if (keys === "x") {
    const pick = document.activeElement?.closest?.(".card, .tile")?.querySelector(".pick");
    pick?.dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true, shiftKey }));
    return Boolean(pick);
  }
  const named = [...scope().querySelectorAll(`[data-key="${CSS.escape(keys)}"]`)];
  const element = nearby(keys) ?? named.find(isShown) ?? named.find((one) => one.matches("a[href]")); // links in a folded sidebar still lead somewhere
  if (element && !(repeat && element.matches("[aria-pressed]"))) press(element); // a key that is held down is one press
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
  if (act(keys, e)) e.preventDefault();
});

// The map holds what works on this page now: a row stays away while the page has nothing that it speaks of.
const map = document.getElementById("keys");
async function fetched() {
  const place = document.getElementById("keymap");
  if (!place?.dataset.from) return;
  const answer = await send(place.dataset.from).catch(() => null);
  if (answer?.ok) place.outerHTML = await answer.text();
  else place.textContent = "The list could not be loaded. Close it and try again.";
}
async function fit() {
  await fetched();
  for (const row of map.querySelectorAll("[data-if]")) row.hidden = !document.querySelector(row.dataset.if);
  for (const part of map.querySelectorAll("section")) part.hidden = !part.querySelector(".keylist > :not([hidden])");
}
if (map) new MutationObserver(() => { if (map.open) fit(); }).observe(map, { attributeFilter: ["open"] });

const box = document.querySelector("[data-keys-switch]");
if (box) {
  box.checked = !off();
  box.addEventListener("change", () => choose("keys", box.checked ? null : "off"));
}
