// Plays a tile's clip without sound: where the pointer rests on it, where the keyboard's focus stays, under a finger that is held. One at a time, and never where
// motion is to be reduced or data saved. A pointer that moves looks through the frames instead (scrub.js).
//   [data-video="address"]

const RESTS = 600; // ms
const SLACK = 4; // px
const still = matchMedia("(prefers-reduced-motion: reduce)"), sparing = matchMedia("(prefers-reduced-data: reduce)");
let now = null, waits, at = null;

const tileOf = (target) => target?.closest?.("[data-video]");
const unwanted = () => still.matches || sparing.matches || navigator.connection?.saveData || document.hidden;

function soon(tile) {
  clearTimeout(waits);
  if (now?.tile !== tile) stop();
  if (tile && !unwanted()) waits = setTimeout(() => play(tile), RESTS);
}
function play(tile) {
  if (now?.tile === tile || !tile.isConnected || unwanted()) return;
  stop();
  const film = Object.assign(document.createElement("video"), { className: "tile__film", muted: true, loop: true, playsInline: true, preload: "auto", src: tile.dataset.video });
  film.setAttribute("aria-hidden", "true");
  film.tabIndex = -1;
  film.hidden = true;
  now = { tile, film };
  seen.observe(tile);
  film.addEventListener("playing", () => { film.hidden = false; }, { once: true });
  film.addEventListener("error", stop, { once: true });
  tile.append(film);
  film.play().catch(() => { if (now?.film === film) stop(); }); // taken away while it was loading, or not allowed to play
}
function stop() {
  clearTimeout(waits);
  if (!now) return;
  const { tile, film } = now;
  now = null;
  seen.unobserve(tile);
  film.removeAttribute("src");
  film.load(); // lets go of what was loaded
  film.remove();
}
const seen = new IntersectionObserver((entries) => { if (entries.some((entry) => !entry.isIntersecting && entry.target === now?.tile)) stop(); });

document.addEventListener("pointermove", (e) => {
  if (e.pointerType === "touch") return;
  const tile = tileOf(e.target);
  if (tile && at && now?.tile === tile && Math.hypot(e.clientX - at.x, e.clientY - at.y) < SLACK) return;
  at = { x: e.clientX, y: e.clientY };
  stop();
  soon(tile);
});
document.documentElement.addEventListener("pointerleave", stop);
document.addEventListener("focusin", (e) => { if (e.target.matches(":focus-visible")) soon(tileOf(e.target)); });
document.addEventListener("focusout", (e) => { if (tileOf(e.target)) stop(); });
document.addEventListener("wall:rest", (e) => { if (!unwanted()) play(tileOf(e.target)); });
for (const end of ["pointerup", "pointercancel"]) document.addEventListener(end, (e) => { if (e.pointerType === "touch") stop(); });
document.addEventListener("visibilitychange", () => { if (document.hidden) stop(); });
still.addEventListener("change", stop);
