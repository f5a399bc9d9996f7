// Choosing several things by their boxes, the same on the board and on the wall: by press, with Shift from the last one to this one, all, none, Esc.
//   choosing({ root: () => element, idOf: (pick) => string, changed: (chosen) => {} })
// What is chosen are ids, so it outlives the things: a box that comes back is ticked again by `show`.
// A box is <input class="pick" type="checkbox">; [data-choose-all] and [data-choose-none] are buttons anywhere on the page.

export function choosing({ root, idOf, changed }) {
  const chosen = new Set();
  let last = null;

  const picks = () => [...(root()?.querySelectorAll(".pick") ?? [])];

  function show() {
    for (const pick of picks()) pick.checked = chosen.has(idOf(pick));
    root()?.toggleAttribute("data-choosing", chosen.size > 0);
    changed(chosen);
  }
  function put(some, on) {
    for (const pick of some) if (on) chosen.add(idOf(pick)); else chosen.delete(idOf(pick));
    show();
  }
  // From the last one to this one, all as this one is to be.
  function choose(pick, { on = !chosen.has(idOf(pick)), shift = false } = {}) {
    const all = picks(), from = all.findIndex((one) => idOf(one) === last), to = all.indexOf(pick);
    put(shift && from >= 0 ? all.slice(Math.min(from, to), Math.max(from, to) + 1) : [pick], on);
    last = idOf(pick);
  }
  function none() {
    chosen.clear();
    last = null;
    show();
  }

  document.addEventListener("click", (e) => {
    const pick = e.target.closest?.(".pick");
    if (pick && root()?.contains(pick)) choose(pick, { on: pick.checked, shift: e.shiftKey });
    else if (e.target.closest?.("[data-choose-all]")) put(picks(), true);
    else if (e.target.closest?.("[data-choose-none]")) none();
  });
  document.addEventListener("keydown", (e) => {
    if (e.key !== "Escape" || !chosen.size || e.defaultPrevented || document.querySelector(":popover-open:not(#toasts), dialog:modal")) return;
    none();
  });

  return { chosen, picks, show, put, choose, none, begin: (pick) => { last = idOf(pick); } };
}
