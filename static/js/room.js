// Keeps the control room true: it fires `look` on the body every 5 s, #room-poll asks, and the answer is morphed in, so focus and scroll stay.
//   never while hidden; at once when shown again or back online; on trouble twice as long each time, up to 40 s, and the page says so
import { pin, unpin } from "app/toast";

const EVERY = 5000, SLOWEST = 40_000;
const live = document.getElementById("live");
const words = document.getElementById("live-words");
let timer, failures = 0, asking = false;

function plan() {
  clearTimeout(timer);
  if (!document.hidden) timer = setTimeout(ask, Math.min(SLOWEST, EVERY * 2 ** failures));
}

function ask() {
  clearTimeout(timer);
  if (document.hidden || asking) return;
  asking = true;
  document.body.dispatchEvent(new CustomEvent("look"));
}

document.addEventListener("htmx:finally:request", (e) => {
  if (e.detail.ctx.sourceElement?.id !== "room-poll") return;
  asking = false;
  const { response } = e.detail.ctx;
  if ([403, 404].includes(response?.status)) pin("shut", "You can no longer open the control room.", [["Leave", "/"]]);
  else if (response?.raw.ok) unpin("shut");
  failures = response?.raw.ok ? 0 : failures + 1;
  live.toggleAttribute("data-behind", failures > 1);
  words.textContent = failures > 1 ? "Reconnecting. What is shown is old." : "Live";
  plan();
});

for (const turn of ["session:out", "session:other", "session:back"]) {
  document.addEventListener(turn, () => { live.hidden = turn !== "session:back"; }); // the line of sign-in.js says why
}

// The server's copy of a <details> is always closed; what somebody opened stays open.
document.addEventListener("htmx:before:swap", (e) => {
  for (const { fragment } of e.detail.tasks) {
    for (const one of fragment?.querySelectorAll("details[id]") ?? []) one.open = document.getElementById(one.id)?.open ?? false;
  }
});

document.addEventListener("visibilitychange", () => { if (document.hidden) clearTimeout(timer); else ask(); });
addEventListener("online", ask);
addEventListener("pageshow", (e) => { if (e.persisted) { asking = false; ask(); } });
plan();
