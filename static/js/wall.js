// The wall: choosing clips with the pointer, the keyboard and the finger; going from tile to tile with the arrows; and staying light however far one scrolls.
//   one stop of Tab for the whole wall; arrows go by place, Shift+arrows choose on the way, X chooses, Ctrl/Cmd+A all that are shown, Esc none
//   while something is chosen, a press on a tile chooses it too; a finger that rests on a tile begins
import { announce, toast } from "app/toast";
import { choosing } from "app/choosing";

const HELD = 450; // ms that a finger rests to begin choosing
const SLACK = 8; // px that it may move meanwhile
const MOST = 200; // clips that the server decides about at once
const NEAR = "3000px 0px"; // around the screen: tiles further away are bare

const hung = () => document.getElementById("hung");
const bar = document.getElementById("chosen");
const tiles = () => [...(hung()?.querySelectorAll(".tile") ?? [])];
const linkOf = (tile) => tile?.querySelector(":scope > a");
const pickOf = (tile) => tile?.querySelector(".pick");
const tileOf = (target) => target?.closest?.("#hung .tile");

// ───────── what is chosen, and the bar that acts on it

const { chosen, picks, show, put, choose, none, begin } = choosing({ root: hung, idOf: (pick) => pick.value, changed });

function changed() {
  if (!bar) return;
  bar.hidden = chosen.size === 0;
  document.getElementById("chosen-n").textContent = chosen.size;
  document.getElementById("chosen-clips").replaceChildren(...[...chosen].map((value) => Object.assign(document.createElement("input"), { type: "hidden", name: "clips", value })));
  for (const link of bar.querySelectorAll("a[data-with]")) {
    link.hidden = chosen.size < Number(link.dataset.least ?? 1) || chosen.size > Number(link.dataset.most ?? MOST);
    link.href = `${link.dataset.with}?clips=${[...chosen].join(",")}`;
  }
}
bar?.addEventListener("submit", (e) => {
  if (chosen.size > MOST && !e.submitter?.matches("[data-whole-page]")) {
    e.preventDefault();
    e.stopImmediatePropagation();
    toast(`Choose at most ${MOST} clips.`, { tone: "warning", kind: "decision" });
  }
  for (const pick of picks()) if (pick.checked) wake(pick.closest(".tile")); // the answer puts its marks there
  if (e.submitter?.matches("[data-whole-page]")) e.stopImmediatePropagation(); // a page of its own, not a part of this one
}, true);

document.addEventListener("click", (e) => {
  const tile = tileOf(e.target);
  if (!tile || !e.target.closest("a") || e.detail === 0) return; // Enter on the link opens it
  if (swallow) { swallow = false; e.preventDefault(); return; }
  if (!chosen.size && !(e.shiftKey || e.ctrlKey || e.metaKey)) return;
  e.preventDefault();
  choose(pickOf(tile), { shift: e.shiftKey });
});

// ───────── a finger that rests

let held = null, swallow = false;
document.addEventListener("pointerdown", (e) => {
  swallow = false;
  const tile = e.pointerType === "touch" && !e.target.closest("button, input") ? tileOf(e.target) : null;
  clearTimeout(held?.timer);
  held = tile && { x: e.clientX, y: e.clientY, timer: setTimeout(() => rest(tile), HELD) };
});
function rest(tile) {
  held = null;
  swallow = true;
  choose(pickOf(tile), { on: true });
  navigator.vibrate?.(10);
  tile.dispatchEvent(new CustomEvent("wall:rest", { bubbles: true }));
}
function lift() {
  clearTimeout(held?.timer);
  held = null;
}
document.addEventListener("pointermove", (e) => { if (held && Math.hypot(e.clientX - held.x, e.clientY - held.y) > SLACK) lift(); });
for (const end of ["pointerup", "pointercancel", "scroll"]) document.addEventListener(end, lift, { passive: true });
document.addEventListener("contextmenu", (e) => { if (swallow && tileOf(e.target)) e.preventDefault(); });

// ───────── the keyboard

// One tile can be reached with Tab; its own buttons with it.
function rove(to) {
  const all = tiles();
  const here = to ?? all.find((tile) => linkOf(tile)?.tabIndex === 0 && "here" in tile.dataset) ?? all[0];
  for (const tile of all) {
    if (tile === here) tile.dataset.here = ""; else delete tile.dataset.here;
    for (const one of tile.querySelectorAll("a, button, input")) one.tabIndex = tile === here ? 0 : -1;
  }
}

function beside(tile, key) {
  const all = tiles(), at = all.indexOf(tile);
  if (key === "ArrowLeft") return all[at - 1];
  if (key === "ArrowRight") return all[at + 1];
  if (key === "Home") return all[0];
  if (key === "End") return all.at(-1);
  const box = tile.getBoundingClientRect(), middle = box.left + box.width / 2, down = key === "ArrowDown";
  let best = null, row = null;
  for (const other of down ? all.slice(at + 1) : all.slice(0, at).reverse()) {
    const there = other.getBoundingClientRect();
    if (down ? there.top < box.bottom - 1 : there.bottom > box.top + 1) continue; // the same row
    row ??= there.top;
    if (Math.abs(there.top - row) > 1) break; // one row further
    const off = Math.abs(there.left + there.width / 2 - middle);
    if (!best || off < best.off) best = { other, off };
  }
  return best?.other;
}

document.addEventListener("keydown", (e) => {
  const tile = tileOf(e.target);
  if (!tile || e.altKey || e.defaultPrevented || document.querySelector("dialog:modal")) return;
  if ((e.ctrlKey || e.metaKey) && e.key.toLowerCase() === "a") {
    e.preventDefault();
    put(tiles().map(pickOf).filter(Boolean), true);
    announce(`${chosen.size} chosen`);
    return;
  }
  if (e.ctrlKey || e.metaKey || !/^(Arrow(Left|Right|Up|Down)|Home|End)$/.test(e.key)) return;
  e.preventDefault();
  const next = beside(tile, e.key);
  if (!next) return;
  wake(next);
  if (e.shiftKey && pickOf(tile) && pickOf(next)) {
    if (!chosen.size) { begin(pickOf(tile)); put([pickOf(tile)], true); }
    choose(pickOf(next), { on: true, shift: true });
  }
  rove(next);
  linkOf(next).focus();
});
document.addEventListener("focusin", (e) => { const tile = tileOf(e.target); if (tile && !("here" in tile.dataset)) rove(tile); });

// ───────── long walls: a tile far away keeps its shape, its link and its box, and the rest as text. It is whole again before it is seen.

const bare = new WeakMap();
const far = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) if (isIntersecting) wake(target); else sleep(target);
}, { rootMargin: NEAR });

function sleep(tile) {
  if (bare.has(tile) || tile.contains(document.activeElement) || tile.querySelector("video, .htmx-request")) return;
  for (const styled of tile.querySelectorAll("[style]")) styled.removeAttribute("style"); // the policy forbids the attribute in what is read from text
  bare.set(tile, tile.innerHTML);
  for (const part of [...tile.children]) if (!part.matches("a, .pick")) part.remove();
}
function wake(tile) {
  const words = bare.get(tile);
  if (words === undefined) return;
  bare.delete(tile);
  tile.innerHTML = words;
  htmx.process(tile);
  const pick = pickOf(tile);
  if (pick) pick.checked = chosen.has(pick.value);
  for (const one of tile.querySelectorAll("a, button, input")) one.tabIndex = "here" in tile.dataset ? 0 : -1;
}
const watched = new WeakSet();
function settle() {
  for (const tile of tiles()) if (!watched.has(tile)) { watched.add(tile); far.observe(tile); }
  rove();
  show();
}

document.addEventListener("htmx:after:swap", (e) => {
  const from = e.detail.ctx.sourceElement;
  if (from?.matches?.(".wallbar__q")) none(); // other clips hang there now
  if (from?.closest?.("#chosen, #undo-many")) none();
  for (const day of hung()?.querySelectorAll(".day") ?? []) if (!day.querySelector(".tile")) day.remove(); // all of it was thrown away
  settle();
});
settle();
