// The viewing room: our controls over the browser's video, the way to the clips beside this one, and the way back.
// Without this script the video has the browser's own controls and every button here is a plain link.

const FRAME = 1 / 24; // seconds; close enough to look at one picture after the other
const PACES = [1, 0.5, 0.25, 2];
const room = document.querySelector("[data-room]");
const video = document.getElementById("video");
const player = document.getElementById("player");
const track = player.querySelector(".track");
const button = (name) => player.querySelector(`[data-do="${name}"]`);

// ───────── time

const length = () => (Number.isFinite(video.duration) && video.duration > 0 ? video.duration : Number(player.dataset.milliseconds) / 1000);
const pad = (number) => String(number).padStart(2, "0");

function timecode(seconds) {
  const hundredths = Math.round(seconds * 100);
  return `${pad(Math.floor(hundredths / 6000))}:${pad(Math.floor(hundredths / 100) % 60)}.${pad(hundredths % 100)}`;
}

function draw() {
  const all = length(), at = Math.min(video.currentTime, all);
  track.style.setProperty("--p", String(all ? at / all : 0));
  track.setAttribute("aria-valuenow", String(Math.round(at * 1000)));
  track.setAttribute("aria-valuetext", `${at.toFixed(1)} of ${all.toFixed(1)} seconds`);
  document.getElementById("tc").textContent = timecode(at);
  document.getElementById("tc-all").textContent = timecode(all);
}

function follow() {
  draw();
  if (!video.paused && !video.ended) requestAnimationFrame(follow);
}

function seek(seconds) {
  video.currentTime = Math.min(Math.max(0, seconds), Math.max(0, length() - 0.001));
  draw();
}

// ───────── controls

const toggle = () => (video.paused ? video.play().catch(trouble) : video.pause());
const step = (frames) => { video.pause(); seek(video.currentTime + frames * FRAME); };

function fill() {
  if (document.fullscreenElement) document.exitFullscreen();
  else if (video.requestFullscreen) video.requestFullscreen();
  else video.webkitEnterFullscreen?.(); // iPhone
}

function pace() {
  video.playbackRate = PACES[(PACES.indexOf(video.playbackRate) + 1) % PACES.length];
  button("pace").textContent = `${video.playbackRate}×`;
  button("pace").setAttribute("aria-label", `Speed, ${video.playbackRate} times`);
}

const deeds = {
  play: toggle,
  back: () => step(-1),
  on: () => step(1),
  loop: () => { video.loop = !video.loop; button("loop").setAttribute("aria-pressed", String(video.loop)); },
  pace,
  mute: () => { video.muted = !video.muted; },
  full: fill,
};

function trouble() {
  if (!video.error) return; // play() was only interrupted
  document.getElementById("trouble").hidden = false;
}

player.addEventListener("click", (e) => deeds[e.target.closest("[data-do]")?.dataset.do]?.());
video.addEventListener("click", () => { if (!document.fullscreenElement) toggle(); });
video.addEventListener("error", trouble);
for (const name of ["play", "pause", "ended"]) video.addEventListener(name, () => {
  button("play").toggleAttribute("data-on", !video.paused);
  button("play").setAttribute("aria-label", video.paused ? "Play" : "Pause");
  follow();
});
for (const name of ["timeupdate", "seeked", "loadedmetadata", "durationchange"]) video.addEventListener(name, draw);
video.addEventListener("volumechange", () => {
  button("mute").toggleAttribute("data-on", video.muted);
  button("mute").setAttribute("aria-pressed", String(video.muted));
});
document.addEventListener("fullscreenchange", () => { video.controls = document.fullscreenElement === video; });

// ───────── the track

const under = (e) => {
  const box = track.getBoundingClientRect();
  seek(((e.clientX - box.left) / box.width) * length());
};
let resume = false;
track.addEventListener("pointerdown", (e) => {
  if (e.button !== 0) return;
  track.setPointerCapture(e.pointerId);
  resume = !video.paused;
  video.pause();
  under(e);
});
track.addEventListener("pointermove", (e) => { if (track.hasPointerCapture(e.pointerId)) under(e); });
track.addEventListener("lostpointercapture", () => {
  if (resume) video.play().catch(trouble);
  resume = false;
});

const jumps = {
  ArrowLeft: () => video.currentTime - 0.5, ArrowDown: () => video.currentTime - 0.5,
  ArrowRight: () => video.currentTime + 0.5, ArrowUp: () => video.currentTime + 0.5,
  PageDown: () => video.currentTime - 2, PageUp: () => video.currentTime + 2,
  Home: () => 0, End: () => length(),
};
track.addEventListener("keydown", (e) => {
  if (!jumps[e.key] || e.metaKey || e.ctrlKey || e.altKey) return;
  e.preventDefault();
  seek(jumps[e.key]());
});

// ───────── beside, and back
// Going from clip to clip replaces the page, so that Back leads to where the room was entered, with its scroll and focus.

const ENTERED = "room:entered";
const isRoom = (path) => /\/clips\/[0-9a-f-]{36}\/$/.test(path);

function remember() {
  const from = document.referrer && new URL(document.referrer);
  try {
    if (!from || from.origin !== location.origin) sessionStorage.removeItem(ENTERED);
    else if (!isRoom(from.pathname)) sessionStorage.setItem(ENTERED, "1");
    return sessionStorage.getItem(ENTERED) !== null;
  } catch { return false; }
}
const entered = remember();

function leave() {
  try { sessionStorage.setItem("room:left", location.pathname); } catch { /* storage is off: the focus is not given back */ }
  if (entered && history.length > 1) history.back(); else location.assign(room.dataset.home);
}
const beside = (direction) => {
  const link = room.querySelector(`[data-step="${direction}"]`);
  if (link) location.replace(link.href);
};

room.addEventListener("click", (e) => {
  if (e.metaKey || e.ctrlKey || e.shiftKey || e.altKey) return;
  const link = e.target.closest("a[data-step], a[data-close]");
  if (!link) return;
  e.preventDefault();
  if (link.matches("[data-close]")) leave(); else location.replace(link.href);
});

const keys = { ArrowLeft: () => beside("newer"), ArrowRight: () => beside("older"), Escape: leave, " ": toggle };
document.addEventListener("keydown", (e) => {
  if (e.defaultPrevented || e.metaKey || e.ctrlKey || e.altKey || e.shiftKey) return;
  if (document.querySelector("dialog:modal") || document.fullscreenElement) return;
  if (e.key === " " && e.target.closest("a, button, input, textarea, select, summary")) return; // it presses that
  if (!keys[e.key]) return;
  e.preventDefault();
  keys[e.key]();
});

video.controls = false;
player.hidden = false;
draw();
trouble();
