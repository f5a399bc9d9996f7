// The lightbox around the player: the way to the clips beside this one, which are fetched ahead, and the way back. Without it every button is a plain link.
import { toggle } from "app/player";

const room = document.querySelector("[data-room]");

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
  if (document.querySelector("dialog:modal") || (document.fullscreenElement && e.key !== " ")) return;
  if (e.target.closest?.("input, textarea, select")) { if (e.key === "Escape") e.target.blur(); return; } // the first Esc leaves the words
  if (e.key === " " && e.target.closest("a, button, summary")) return; // it presses that
  if (!keys[e.key]) return;
  e.preventDefault();
  keys[e.key]();
});

// ───────── ahead
// The pictures of the clips beside this one, and the beginnings of their files, once this one shows its first picture; not for who wants to save data.

const ahead = [];
function fetchAhead() {
  if (navigator.connection?.saveData || ahead.length) return;
  for (const link of room.querySelectorAll("a[data-video]")) {
    const poster = new Image(), video = document.createElement("video");
    poster.src = link.dataset.poster;
    Object.assign(video, { preload: "metadata", muted: true, src: link.dataset.video });
    ahead.push(poster, video);
  }
}
const shown = document.getElementById("video");
if (shown.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA) fetchAhead();
else shown.addEventListener("loadeddata", fetchAhead, { once: true });
