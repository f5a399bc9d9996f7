// The review queue: the clip plays by itself unless motion is to be reduced, a swipe or an arrow presses its button, and the next one comes in its place.
import { typing } from "app/keys";

const FAR = 84; // px that a finger must go
const FAST = 0.55; // px a millisecond, for a short flick
const still = matchMedia("(prefers-reduced-motion: reduce)");
const queue = () => document.getElementById("review");
const card = () => queue().querySelector("[data-card]");
const film = () => card()?.querySelector("video");
let loud = false, last = "";

function start() {
  const video = film();
  if (!video) return;
  video.muted = !loud;
  sound();
  if (!still.matches) video.play().catch(() => { /* it waits for a tap */ });
}
function sound() {
  const button = card()?.querySelector("[data-sound]");
  button?.setAttribute("aria-pressed", String(loud));
  button?.toggleAttribute("data-on", !loud);
}
const toggle = () => (film()?.paused ? film().play().catch(() => {}) : film()?.pause());

function press(verdict) {
  const button = queue().querySelector(`[data-press] [data-verdict="${verdict}"]`);
  if (button) button.form.requestSubmit(button);
}
function leave(verdict) {
  if (card()) card().dataset.goes = verdict;
}

// The card goes where it was sent while the answer is under way; a refusal brings it back.
document.addEventListener("submit", (e) => {
  if (!e.target.matches?.("[data-press]")) return;
  last = document.activeElement?.dataset?.verdict ?? "";
  leave(e.submitter?.dataset.verdict ?? "");
}, true);
for (const name of ["htmx:response:error", "htmx:error"]) document.addEventListener(name, () => {
  if (card()) { delete card().dataset.goes; settle(); }
});
document.addEventListener("htmx:after:swap", () => {
  start();
  if (last) queue().querySelector(`[data-press] [data-verdict="${last}"]`)?.focus({ preventScroll: true });
  else if (document.activeElement === document.body) document.getElementById("review-h")?.focus({ preventScroll: true });
  last = "";
});

document.addEventListener("click", (e) => {
  if (e.target.closest?.("[data-sound]")) {
    loud = !loud;
    if (film()) film().muted = !loud;
    sound();
  } else if (e.target.closest?.("[data-card]") && !swiped) toggle();
});

const arrows = { ArrowRight: "pick", ArrowLeft: "reject", ArrowUp: "maybe" };
document.addEventListener("keydown", (e) => {
  if (e.defaultPrevented || e.metaKey || e.ctrlKey || e.altKey || typing(e.target) || document.querySelector("dialog:modal")) return;
  if (e.key === " " && e.target.closest("a, button")) return;
  if (arrows[e.key]) { if (!e.repeat) press(arrows[e.key]); }
  else if (e.key === "ArrowDown") queue().querySelector("[data-later]")?.click();
  else if (e.key === " ") toggle();
  else if (e.key === "Escape") queue().querySelector("[data-close]").click();
  else return;
  e.preventDefault();
});

// ───────── a finger

let finger = null, swiped = false;
const toward = (x, y) => (-y > Math.abs(x) ? "maybe" : x > 0 ? "pick" : "reject");
function settle() {
  const it = card();
  it?.style.removeProperty("--x");
  it?.style.removeProperty("--y");
  it?.removeAttribute("data-held");
  it?.removeAttribute("data-toward");
}
document.addEventListener("pointerdown", (e) => {
  swiped = false;
  if (e.pointerType === "mouse" || !e.isPrimary || !e.target.closest?.("[data-card]") || e.target.closest("button")) return;
  if (!queue().querySelector("[data-press]")) return;
  finger = { x: e.clientX, y: e.clientY, at: e.timeStamp };
  card().setPointerCapture?.(e.pointerId);
});
document.addEventListener("pointermove", (e) => {
  if (!finger || !card()) return;
  const x = e.clientX - finger.x, y = e.clientY - finger.y;
  if (Math.hypot(x, y) < 8) return;
  swiped = true;
  const it = card();
  it.style.setProperty("--x", `${x}px`);
  it.style.setProperty("--y", `${Math.min(0, y)}px`);
  it.toggleAttribute("data-held", true);
  it.dataset.toward = Math.hypot(x, Math.min(0, y)) > FAR / 2 ? toward(x, y) : "";
});
document.addEventListener("pointerup", (e) => {
  if (!finger) return;
  const x = e.clientX - finger.x, y = e.clientY - finger.y;
  const way = Math.max(Math.abs(x), -y), isFlick = way > 30 && way / Math.max(1, e.timeStamp - finger.at) > FAST;
  finger = null;
  const verdict = swiped && (way > FAR || isFlick) ? toward(x, y) : "";
  settle();
  if (verdict) press(verdict);
});
document.addEventListener("pointercancel", () => { finger = null; settle(); });

start();
