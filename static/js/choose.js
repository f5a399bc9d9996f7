// The menu of a card, and choosing several: by press, by X on the focused card, with Shift from the last one to this one, by finger.
// What can be done with them, and what it does to the money, comes from the server. What cannot be chosen any more is let go when its card changes.

import { choosing } from "app/choosing";

const board = document.getElementById("board");
const bar = document.getElementById("chosen");
const menu = document.getElementById("card-menu");
let asks, opener = null;

const idOf = (pick) => pick.closest(".card").id;
const numberOf = (id) => Number(id.split("-").pop());
const { chosen, picks, show } = choosing({ root: () => board, idOf, changed });

function changed() {
  if (!bar) return;
  bar.hidden = chosen.size === 0;
  document.getElementById("chosen-n").textContent = chosen.size;
  clearTimeout(asks);
  if (chosen.size) asks = setTimeout(fetchActs, 150);
}
function fetchActs() {
  const query = [...chosen].map((id) => `n=${numberOf(id)}`).join("&");
  htmx.ajax("GET", `${bar.dataset.acts}?${query}`, { target: "#chosen-acts", swap: "innerHTML", source: "#chosen-acts" });
}

// A card changed: what was chosen stays chosen while it can be.
document.addEventListener("htmx:after:swap", (e) => {
  if (!chosen.size || e.detail.ctx.sourceElement?.id === "chosen-acts") return;
  const possible = new Set(picks().map(idOf)), before = chosen.size;
  for (const id of chosen) if (!possible.has(id)) chosen.delete(id);
  if (chosen.size !== before || e.detail.ctx.request.method === "POST") show();
  else for (const pick of picks()) pick.checked = chosen.has(idOf(pick));
});

// What cannot be undone is asked first.
document.addEventListener("submit", (e) => {
  const question = e.submitter?.dataset.asks;
  if (!question || confirm(question)) return;
  e.preventDefault();
  e.stopImmediatePropagation();
}, true);

// The menu: fetched when it is opened, beside its button; afterwards the focus returns.
document.addEventListener("click", async (e) => {
  const link = e.target.closest?.("[data-menu]");
  if (!link || !menu?.showPopover || e.metaKey || e.ctrlKey) return;
  e.preventDefault();
  opener = link;
  menu.replaceChildren(); // a request that fails must not leave another card's menu
  await htmx.ajax("GET", link.dataset.menu, { target: menu, swap: "innerHTML", source: menu });
  if (opener !== link || !menu.firstElementChild) return;
  if (!menu.matches(":popover-open")) menu.showPopover();
  place(link);
  menu.querySelector("button, a")?.focus();
});
function place(link) {
  const at = link.getBoundingClientRect(), below = at.bottom + 6;
  const top = below + menu.offsetHeight > innerHeight ? at.top - menu.offsetHeight - 6 : below;
  menu.style.left = `${Math.max(10, Math.min(at.right - menu.offsetWidth, innerWidth - menu.offsetWidth - 10))}px`;
  menu.style.top = `${Math.max(10, top)}px`;
}
menu?.addEventListener("keydown", (e) => {
  if (e.key !== "ArrowDown" && e.key !== "ArrowUp") return;
  e.preventDefault();
  const items = [...menu.querySelectorAll("button, a")], at = items.indexOf(document.activeElement);
  items[(at + (e.key === "ArrowDown" ? 1 : items.length - 1)) % items.length]?.focus();
});
menu?.addEventListener("click", (e) => { if (e.target.closest("[data-menu-close]")) menu.hidePopover(); });
document.addEventListener("htmx:finally:request", (e) => {
  if (!menu?.matches(":popover-open") || e.detail.ctx.request.method !== "POST") return;
  menu.hidePopover();
});
menu?.addEventListener("toggle", (e) => {
  if (e.newState === "closed" && (document.activeElement === document.body || menu.contains(document.activeElement))) {
    (opener?.isConnected ? opener : document.activeElement)?.focus?.();
  }
});
