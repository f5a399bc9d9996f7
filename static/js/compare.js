// Two to four clips by one clock. The longest leads; each frame the others are brought to its time: a small drift by their speed, a large one by a jump.
// Whoever has no picture yet makes all wait. A shorter clip stays on its last frame. Without this script each video is plain.
import { off, typing } from "app/keys";

const FRAME = 1 / 24; // seconds
const NUDGE = 0.015, JUMP = 0.2; // seconds of drift from which the speed is bent, and from which it is not worth it
const PACES = [1, 0.5, 0.25, 2];
const room = document.querySelector("[data-compare]");
const panes = [...room.querySelectorAll("[data-pane]")];
const videos = panes.map((pane) => pane.querySelector("video"));
const bar = document.getElementById("transport");
const at = document.getElementById("cmp-at");
const button = (name) => bar.querySelector(`[data-do="${name}"]`);
const lengthOf = (video) => (Number.isFinite(video.duration) && video.duration > 0 ? video.duration : Number(video.dataset.milliseconds) / 1000);
const clock = { playing: false, loop: true, pace: 1, time: 0, sound: -1, dead: new Set(), waits: false };
const alive = () => videos.filter((video) => !clock.dead.has(video));
const leader = () => alive().reduce((one, other) => (lengthOf(other) > lengthOf(one) ? other : one));
const all = () => lengthOf(leader());

// ───────── the clock

const pad = (number) => String(number).padStart(2, "0");
function timecode(seconds) {
  const hundredths = Math.round(seconds * 100);
  return `${pad(Math.floor(hundredths / 6000))}:${pad(Math.floor(hundredths / 100) % 60)}.${pad(hundredths % 100)}`;
}
function draw() {
  const now = Math.min(clock.time, all());
  at.value = Math.round(now * 1000);
  at.setAttribute("aria-valuetext", `${now.toFixed(1)} of ${all().toFixed(1)} seconds`);
  at.style.setProperty("--p", String(all() ? now / all() : 0));
  document.getElementById("cmp-tc").textContent = timecode(now);
  document.getElementById("cmp-all").textContent = timecode(all());
}

function place(video, time) {
  const last = Math.max(0, lengthOf(video) - 0.001);
  video.currentTime = Math.min(Math.max(0, time), last);
}
function seek(time) {
  clock.time = Math.min(Math.max(0, time), Math.max(0, all() - 0.001));
  for (const video of alive()) place(video, clock.time);
  draw();
}

const isReady = (video) => video.readyState >= 3 || clock.time >= lengthOf(video) - 0.05;
const begin = (video) => video.play().catch(() => { /* only interrupted by a pause or a jump, which the next frame mends */ });

function follow() {
  if (!clock.playing) return;
  const first = leader();
  if (alive().every(isReady) && !first.seeking) {
    if (clock.waits) { clock.waits = false; begin(first); }
    clock.time = first.currentTime;
    room.dataset.drift = Math.round(Math.max(0, ...alive().map((video) => keepUp(video, first))) * 1000);
  } else if (!clock.waits) {
    clock.waits = true;
    for (const video of alive()) video.pause();
  }
  room.toggleAttribute("data-waits", clock.waits);
  draw();
  if (first.ended || clock.time >= all() - 0.002) return end();
  requestAnimationFrame(follow);
}

function keepUp(video, first) {
  if (video === first) { if (video.paused) begin(video); return 0; }
  if (clock.time >= lengthOf(video) - 0.002) { video.pause(); return 0; }
  const drift = video.currentTime - clock.time;
  if (Math.abs(drift) > JUMP) {
    if (!video.seeking) video.currentTime = clock.time + 0.03 * clock.pace; // it lands a moment later
  } else video.playbackRate = clock.pace * (Math.abs(drift) > NUDGE ? 1 - Math.max(-0.12, Math.min(0.12, drift * 1.5)) : 1);
  if (video.paused) begin(video);
  return Math.abs(drift);
}

function end() {
  if (clock.loop) {
    seek(0);
    for (const video of alive()) begin(video);
    requestAnimationFrame(follow);
  } else pause();
}

function play() {
  if (clock.time >= all() - 0.05) seek(0);
  clock.playing = true;
  clock.waits = false;
  for (const video of alive()) {
    video.playbackRate = clock.pace;
    if (clock.time < lengthOf(video) - 0.05) begin(video);
  }
  shown();
  requestAnimationFrame(follow);
}
function pause() {
  clock.playing = false;
  for (const video of alive()) video.pause();
  seek(leader().ended ? all() : leader().currentTime); // all stand on the same moment, to the frame
  shown();
}
function shown() {
  button("play").toggleAttribute("data-on", clock.playing);
  button("play").setAttribute("aria-label", clock.playing ? "Pause all" : "Play all");
}

// ───────── controls

const toggle = () => (clock.playing ? pause() : play());
const step = (frames) => { if (clock.playing) pause(); seek(clock.time + frames * FRAME); };
const deeds = {
  play: toggle,
  back: () => step(-1),
  on: () => step(1),
  loop: () => { clock.loop = !clock.loop; button("loop").setAttribute("aria-pressed", String(clock.loop)); },
  pace: () => {
    clock.pace = PACES[(PACES.indexOf(clock.pace) + 1) % PACES.length];
    for (const video of videos) video.playbackRate = clock.pace;
    button("pace").textContent = `${clock.pace}×`;
    button("pace").setAttribute("aria-label", `Speed, ${clock.pace} times`);
  },
  full: () => (document.fullscreenElement ? document.exitFullscreen() : room.requestFullscreen?.()),
};
bar.addEventListener("click", (e) => deeds[e.target.closest("[data-do]")?.dataset.do]?.());
at.addEventListener("input", () => seek(at.value / 1000));

function choose(number) {
  for (const pane of panes) {
    const chosen = pane === panes[number];
    pane.toggleAttribute("data-active", chosen);
    pane.querySelector("[data-choose]").setAttribute("aria-pressed", String(chosen));
  }
  if (clock.sound >= 0) hear(number);
}
const active = () => panes.findIndex((pane) => pane.hasAttribute("data-active"));

// Sound comes from one, and goes along with the choice.
function hear(number) {
  clock.sound = number;
  videos.forEach((video, index) => { video.muted = index !== number; });
  panes.forEach((pane, index) => {
    const sound = pane.querySelector("[data-sound]");
    sound.setAttribute("aria-pressed", String(index === number));
    sound.toggleAttribute("data-on", index !== number);
  });
}
const listen = (number) => hear(clock.sound === number ? -1 : number);

room.addEventListener("click", (e) => {
  const pane = e.target.closest("[data-pane]");
  if (!pane) return;
  const number = panes.indexOf(pane);
  if (e.target.closest("[data-sound]")) { choose(number); listen(number); }
  else if (e.target.closest("video")) { choose(number); toggle(); }
  else if (e.target.closest("[data-choose], [data-verdict]")) choose(number);
});

const verdicts = { p: "pick", b: "maybe", r: "reject" };
const keys = {
  " ": toggle,
  ArrowLeft: () => seek(clock.time - 0.5), ArrowRight: () => seek(clock.time + 0.5),
  Home: () => seek(0), End: () => seek(all()),
  m: () => listen(active()),
  Escape: () => { if (!document.fullscreenElement) room.querySelector("[data-close]").click(); },
};
document.addEventListener("keydown", (e) => {
  if (e.defaultPrevented || e.metaKey || e.ctrlKey || e.altKey || typing(e.target) || document.querySelector("dialog:modal")) return;
  if (e.target === at && e.key !== " " && e.key.length > 1) return; // its own arrows
  if (e.key === " " && e.target.closest("a, button")) return; // it presses that
  const single = e.key.length === 1 && e.key !== " ", key = e.key.toLowerCase();
  if (single && (off() || e.repeat)) return;
  const number = Number(e.key) - 1, verdict = verdicts[key];
  if (single && panes[number]) choose(number);
  else if (single && verdict) panes[active()].querySelector(`[data-verdict="${verdict}"]:is(button)`)?.click();
  else if (keys[e.key] ?? keys[key]) (keys[e.key] ?? keys[key])();
  else return;
  e.preventDefault();
});

function lost(video) {
  clock.dead.add(video);
  video.closest("[data-pane]").querySelector(".pane__trouble").hidden = false;
  if (alive().length) draw(); else bar.hidden = true;
}
for (const video of videos) {
  video.addEventListener("error", () => lost(video));
  video.addEventListener("loadedmetadata", () => { if (alive().length) draw(); });
  if (video.error) lost(video);
}
const asked = Number(new URLSearchParams(location.search).get("t"));
room.querySelector("[data-copy-here]").addEventListener("click", (e) => {
  const address = new URL(location.href);
  address.hash = "";
  address.searchParams.set("t", clock.time.toFixed(2));
  e.currentTarget.dataset.copy = address.href;
});

hear(-1);
bar.hidden = !alive().length;
if (alive().length) seek(asked > 0 ? asked : 0);
