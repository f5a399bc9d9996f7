// Looks through a clip without opening it: [data-sheet="strip.webp"][data-frames="12"], itself a tile or inside a card.
// The pointer's place, or a finger's, chooses the frame. A link focused by keyboard runs through them once, unless motion is to be reduced.
// And who comes back from the viewing room finds the focus on the clip that was open there.

const STEP = 380; // ms for each frame when the keyboard asked
const SLACK = 6; // px that a finger may move and still mean a tap
const still = matchMedia("(prefers-reduced-motion: reduce)");
let now = null, finger = null, swallow = false;

function hostOf(target) {
  const outer = target?.closest?.(".card, .tile, [data-sheet]");
  const host = outer?.matches("[data-sheet]") ? outer : outer?.querySelector("[data-sheet]");
  return host && Number(host.dataset.frames) > 1 ? host : null;
}

function start(host) {
  if (now?.host === host && host.contains(now.film)) return now;
  stop();
  const film = Object.assign(document.createElement("span"), { className: "scrub__film" });
  const bar = Object.assign(document.createElement("span"), { className: "scrub" });
  bar.append(document.createElement("i"));
  const sheet = new Image();
  const mine = now = { host, film, bar, sheet, frames: Number(host.dataset.frames), share: null, timer: 0 };
  host.append(film, bar);
  film.hidden = bar.hidden = true;
  sheet.onload = () => { if (now === mine) { lay(mine); if (mine.share !== null) show(mine, mine.share); } };
  sheet.src = host.dataset.sheet;
  return mine;
}

// One frame covers the picture, as the poster does; or stands whole inside it where the poster does.
function lay(it) {
  const box = it.host.getBoundingClientRect();
  const width = it.sheet.naturalWidth / it.frames, height = it.sheet.naturalHeight;
  const fit = it.host.matches(".stage--fit") ? Math.min : Math.max;
  const scale = fit(box.width / width, box.height / height);
  it.width = width * scale;
  it.window = { width: Math.min(box.width, it.width), height: Math.min(box.height, height * scale) };
  Object.assign(it.film.style, {
    inlineSize: `${it.window.width}px`, blockSize: `${it.window.height}px`,
    backgroundImage: `url("${it.sheet.src}")`, backgroundSize: `${it.width * it.frames}px ${height * scale}px`,
  });
  it.rise = (it.window.height - height * scale) / 2;
}

function show(it, share) {
  it.share = Math.min(0.9999, Math.max(0, share));
  if (!it.width) return; // the strip is not here yet
  const frame = Math.floor(it.share * it.frames);
  it.film.style.backgroundPosition = `${(it.window.width - it.width) / 2 - frame * it.width}px ${it.rise}px`;
  it.bar.style.setProperty("--p", String(it.share));
  it.film.hidden = it.bar.hidden = false;
}

function stop() {
  if (!now) return;
  clearInterval(now.timer);
  now.film.remove();
  now.bar.remove();
  now = null;
}

function at(host, x) {
  const box = host.getBoundingClientRect();
  return (x - box.left) / box.width;
}

document.addEventListener("pointermove", (e) => {
  if (e.pointerType === "touch") {
    if (!finger || Math.abs(e.clientX - finger.x) < SLACK) return;
    swallow = true;
    show(start(finger.host), at(finger.host, e.clientX));
    return;
  }
  const host = hostOf(e.target);
  if (!host) { if (now && !now.timer) stop(); return; }
  const it = start(host);
  clearInterval(it.timer);
  it.timer = 0;
  show(it, at(host, e.clientX));
});
document.documentElement.addEventListener("pointerleave", stop);

// Fingers: [data-sheet] has touch-action: pan-y, so a sideways move is ours, and the page still scrolls.
document.addEventListener("pointerdown", (e) => {
  swallow = false;
  const host = e.pointerType === "touch" ? hostOf(e.target) : null;
  finger = host ? { host, x: e.clientX } : null;
});
for (const end of ["pointerup", "pointercancel"]) {
  document.addEventListener(end, () => {
    if (!finger) return;
    finger = null;
    stop();
  });
}
document.addEventListener("click", (e) => {
  if (!swallow) return;
  swallow = false;
  e.preventDefault();
}, true);

document.addEventListener("focusin", (e) => {
  const host = hostOf(e.target);
  if (!host || still.matches || !e.target.matches(":focus-visible")) return;
  const it = start(host);
  let frame = 0;
  clearInterval(it.timer);
  it.timer = setInterval(() => {
    if (frame === it.frames) { if (now === it) stop(); else clearInterval(it.timer); return; }
    show(it, (frame + 0.5) / it.frames);
    frame += 1;
  }, STEP);
});
document.addEventListener("focusout", (e) => { if (now?.timer && hostOf(e.target) === now.host) stop(); });

let left = null;
function giveBack() {
  const link = left && document.querySelector(`a:is([href="${CSS.escape(left)}"], [href^="${CSS.escape(left)}?"])`);
  if (!link) return;
  left = null;
  link.focus();
}
addEventListener("pageshow", () => {
  try { left = sessionStorage.getItem("room:left"); sessionStorage.removeItem("room:left"); } catch { /* storage is off */ }
  giveBack();
});
document.addEventListener("htmx:after:swap", giveBack); // it hung further down: older clips arrive as the scroll is restored
document.addEventListener("pointerdown", () => { left = null; });
