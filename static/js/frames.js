// A frame of any clip as a reference image of the brief that is being written: the dialog's content comes from the server when it is opened, the frame is
// found in a player here, and taken by the server.

import { send } from "app/request";
import { sentence } from "app/toast";

const dialog = document.getElementById("frames");
const part = (name) => document.getElementById(`frames-${name}`);
let take = "";

function say(words) {
  part("said").textContent = words;
  part("said").hidden = !words;
}

document.addEventListener("click", async (e) => {
  if (!e.target.closest?.("[data-frames-open]")) return;
  await htmx.ajax("GET", dialog.dataset.from, { target: dialog, swap: "innerHTML", source: dialog });
  if (dialog.firstElementChild) dialog.showModal();
});

dialog.addEventListener("click", (e) => {
  const one = e.target.closest("[data-frames-clip]");
  if (one) show(one);
  if (e.target.closest("[data-frames-take]")) add(e.target.closest("[data-frames-take]"));
});
function show(one) {
  const at = part("at");
  take = one.dataset.framesClip;
  say("");
  part("video").src = one.dataset.src;
  at.max = one.dataset.milliseconds;
  at.value = 0;
  part("code").textContent = one.dataset.code;
  part("play").hidden = false;
  for (const other of dialog.querySelectorAll("[data-frames-clip]")) other.toggleAttribute("data-chosen", other === one);
  follow(at);
  at.focus();
}
function follow(at) {
  part("video").currentTime = Number(at.value) / 1000;
  at.style.setProperty("--p", String(at.value / at.max));
  at.setAttribute("aria-valuetext", `${(at.value / 1000).toFixed(1)} seconds`);
}
dialog.addEventListener("input", (e) => { if (e.target.id === "frames-at") follow(e.target); });

async function add(button) {
  button.disabled = true;
  const answer = await send(take, { method: "POST", body: new URLSearchParams({ moment: part("at").value }) }).catch(() => null);
  button.disabled = false;
  const page = answer && new DOMParser().parseFromString(await answer.text(), "text/html");
  if (answer?.status === 422) return say(page.body.textContent.trim());
  const thumbnail = answer?.ok && page.querySelector("[data-ref]");
  if (!thumbnail) return say(sentence(answer));
  if (!document.getElementById(thumbnail.id)) document.querySelector("#refs .ref--add").before(thumbnail); // the same frame again is the same image
  dialog.close();
  document.dispatchEvent(new CustomEvent("frame:added"));
}
dialog.addEventListener("close", () => dialog.replaceChildren());
