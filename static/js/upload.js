// Takes one reference image to the server and puts its thumbnail before the "add" button.
//   add(form, { file }) or add(form, { address })  ->  a promise of whether it was taken; a refusal is said under the prompt

import { upload } from "app/request";
import { sentence } from "app/toast";

const MOST_BYTES = 20_000_000;
const KINDS = ["image/jpeg", "image/png", "image/webp"];

export async function add(form, { file, address }) {
  say("");
  if (file && !KINDS.includes(file.type)) return refuse(`“${file.name}” was not added: use JPEG, PNG or WebP.`);
  if (file && file.size > MOST_BYTES) return refuse(`“${file.name}” was not added: it has ${(file.size / 1e6).toFixed(1)} MB; the most is 20 MB.`);
  const data = new FormData();
  if (file) data.append("file", file); else data.append("address", address);
  const chip = file ? waiting(file) : null;
  const answer = await upload(form.dataset.references, data, (share) => progress(chip, share)).catch(() => null);
  const text = (await answer?.text()) ?? "";
  chip?.remove();
  if (answer?.status === 200) {
    const thumbnail = parsed(text).querySelector("[data-ref]");
    document.querySelector("#refs .ref--add").before(thumbnail);
    return true;
  }
  const why = answer?.status === 422 ? textOf(text) : sentence(answer);
  return refuse(file ? `“${file.name}” was not added: ${why}` : why);
}

function waiting(file) {
  const chip = document.createElement("span");
  chip.className = "ref ref--up";
  const picture = document.createElement("img");
  const share = document.createElement("b");
  const bar = document.createElement("i");
  picture.src = URL.createObjectURL(file);
  picture.alt = "";
  picture.addEventListener("load", () => URL.revokeObjectURL(picture.src));
  chip.append(picture, share, bar);
  document.querySelector("#refs .ref--add").before(chip);
  progress(chip, 0);
  return chip;
}

function progress(chip, share) {
  if (!chip) return;
  chip.style.setProperty("--up", `${Math.round(share * 100)}%`);
  chip.querySelector("b").textContent = `${Math.round(share * 100)}%`;
}

const parsed = (html) => new DOMParser().parseFromString(html, "text/html");
const textOf = (html) => parsed(html).body.textContent.trim();
function say(text) {
  const place = document.getElementById("refs-said");
  if (place) place.textContent = text;
}
function refuse(text) {
  say(text);
  return false;
}
