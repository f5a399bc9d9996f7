// The player: our own controls over the browser's video. Nothing that is swapped into the page touches the video, so it never starts again.
//   now(), seek(seconds), pause(), told(seconds)   for whoever stands beside it
// Without this script the video has the browser's own controls.
import { frameAt, middleOf, spoken, timecode } from "app/timecode";
import { readData, write } from "app/storage";

const USUAL = 24; // frames a second, to step by where the file did not tell
const KEPT = "player"; // loop, speed, volume: for the next clip too
const video = document.getElementById("video");
const player = document.getElementById("player");
const track = player.querySelector(".track");
const button = (name) => player.querySelector(`[data-do="${name}"]`);
const speed = player.querySelector("[data-pace]"), volume = player.querySelector("[data-volume]");
const rate = Number(player.dataset.rate) / 1000; // 0: not known

// ───────── time

const length = () => (Number.isFinite(video.duration) && video.duration > 0 ? video.duration : Number(player.dataset.milliseconds) / 1000);
export const told = (seconds) => timecode(seconds, rate);
export const pause = () => video.pause();

// The middle of the frame that is shown, in seconds.
export function now() {
  const at = Math.min(video.currentTime, length());
  return rate ? Math.min(middleOf(frameAt(at, rate), rate), length()) : at;
}

function draw() {
  const all = length(), at = Math.min(video.currentTime, all);
  track.style.setProperty("--p", String(all ? at / all : 0));
  document.getElementById("tc").textContent = told(at);
  document.getElementById("tc-all").textContent = told(all);
}

// For ears, a few times a second and not at every picture.
function tell() {
  const all = length(), at = Math.min(video.currentTime, all);
  track.setAttribute("aria-valuemax", String(Math.round(all * 1000)));
  track.setAttribute("aria-valuenow", String(Math.round(at * 1000)));
  track.setAttribute("aria-valuetext", `${spoken(at, rate)}, of ${spoken(all, 0)}`);
  document.dispatchEvent(new CustomEvent("player:time"));
}

function follow() {
  draw();
  if (!video.paused && !video.ended) requestAnimationFrame(follow);
}

export function seek(seconds) {
  video.currentTime = Math.min(Math.max(0, seconds), Math.max(0, length() - 0.001));
  draw();
  tell(); // at once: the picture may take its time to come
}

// ───────── controls

export const toggle = () => (video.paused ? video.play().catch(trouble) : video.pause());

function step(frames) {
  video.pause();
  const each = rate || USUAL, last = Math.max(0, frameAt(length(), each) - 1);
  seek(middleOf(Math.min(last, Math.max(0, frameAt(video.currentTime, each) + frames)), each));
}

const stage = player.parentElement; // the video with its track: marks and keys stay where they are
function fill() {
  if (document.fullscreenElement) document.exitFullscreen();
  else if (stage.requestFullscreen) stage.requestFullscreen();
  else video.webkitEnterFullscreen?.(); // iPhone
}

const deeds = {
  play: toggle,
  back: () => step(-1),
  on: () => step(1),
  loop: () => { video.loop = !video.loop; looped(); keep(); },
  mute: () => { video.muted = !video.muted; },
  full: fill,
};
const looped = () => button("loop").setAttribute("aria-pressed", String(video.loop));

// A link into a bucket works for minutes. Who comes back to a clip later is given another by the clip's own address, once a minute at most.
let asked = -Infinity;
function askAgain() {
  const at = video.currentTime, plays = !video.paused;
  asked = performance.now();
  video.addEventListener("loadedmetadata", () => { seek(at); if (plays) toggle(); }, { once: true });
  video.load();
}

function trouble() {
  if (!video.error) return; // play() was only interrupted
  if (video.error.code === MediaError.MEDIA_ERR_NETWORK && performance.now() - asked > 60_000) return askAgain();
  document.getElementById("trouble").hidden = false;
}

player.addEventListener("click", (e) => deeds[e.target.closest("[data-do]")?.dataset.do]?.());
video.addEventListener("click", toggle);
video.addEventListener("error", trouble);
for (const name of ["play", "pause", "ended"]) video.addEventListener(name, () => {
  button("play").toggleAttribute("data-on", !video.paused);
  button("play").setAttribute("aria-label", video.paused ? "Play" : "Pause");
  follow();
  tell();
});
for (const name of ["timeupdate", "seeked", "loadedmetadata", "durationchange"]) video.addEventListener(name, () => { draw(); tell(); });
video.addEventListener("volumechange", () => {
  const silent = video.muted || video.volume === 0;
  button("mute").toggleAttribute("data-on", silent);
  button("mute").setAttribute("aria-pressed", String(silent));
  volume.value = video.muted ? 0 : video.volume;
  volume.style.setProperty("--p", volume.value);
  keep();
});
volume.addEventListener("input", () => { video.muted = false; video.volume = Number(volume.value); });
speed.addEventListener("change", () => { video.playbackRate = Number(speed.value); keep(); });
document.addEventListener("fullscreenchange", () => {
  button("full").setAttribute("aria-pressed", String(document.fullscreenElement === stage));
});

// ───────── what is kept from clip to clip

function keep() {
  const { loop, muted, playbackRate, volume: loud } = video;
  write(KEPT, JSON.stringify({ loop, muted, playbackRate, volume: loud }));
}

function restore() {
  const kept = readData(KEPT);
  if (!kept) return;
  video.loop = kept.loop !== false;
  video.muted = kept.muted === true;
  if (kept.volume >= 0 && kept.volume <= 1) video.volume = kept.volume;
  if ([...speed.options].some((one) => Number(one.value) === kept.playbackRate)) video.playbackRate = video.defaultPlaybackRate = kept.playbackRate;
  speed.value = String(video.playbackRate);
  looped();
}

// ───────── the track

const share = (e) => {
  const box = track.getBoundingClientRect();
  return Math.min(1, Math.max(0, (e.clientX - box.left) / box.width));
};
let resume = false;
track.addEventListener("pointerdown", (e) => {
  if (e.button !== 0) return;
  track.setPointerCapture(e.pointerId);
  resume = !video.paused;
  video.pause();
  seek(share(e) * length());
});
track.addEventListener("pointermove", (e) => {
  if (track.hasPointerCapture(e.pointerId)) seek(share(e) * length());
  peek(share(e));
});
track.addEventListener("lostpointercapture", () => {
  if (resume) video.play().catch(trouble);
  resume = false;
  hide();
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

// ───────── what a place on the track shows, from the clip's strip of frames

const glass = track.querySelector(".peek"), frames = Number(track.dataset.stripFrames);
const TALL = 96; // px
let strip = null;

function peek(at) {
  glass.lastElementChild.textContent = told(at * length());
  glass.style.setProperty("--at", String(at));
  glass.hidden = false;
  if (!strip && track.dataset.strip) {
    strip = new Image();
    strip.onload = () => lay(at);
    strip.src = track.dataset.strip;
  }
  if (strip?.complete) lay(at);
}

function lay(at) {
  const picture = glass.firstElementChild, scale = TALL / strip.naturalHeight;
  if (!Number.isFinite(scale) || !frames) return;
  const width = (strip.naturalWidth / frames) * scale, frame = Math.min(frames - 1, Math.floor(at * frames));
  Object.assign(picture.style, {
    inlineSize: `${width}px`, blockSize: `${TALL}px`, backgroundImage: `url("${strip.src}")`,
    backgroundSize: `${width * frames}px ${TALL}px`, backgroundPosition: `${-frame * width}px 0`,
  });
}

function hide() { glass.hidden = true; }
track.addEventListener("pointerleave", hide);

// A place in the clip that a link, a mark or a comment names.
document.addEventListener("click", (e) => {
  const place = e.target.closest?.("a[data-seek], button[data-seek]");
  if (!place) return;
  video.pause();
  seek(Number(place.dataset.seek) / 1000);
});

video.controls = false;
player.hidden = false;
restore();
draw();
tell();
trouble();
