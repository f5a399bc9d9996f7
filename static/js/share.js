// Sharing: the large Play of a guest's clip; and the form of a link in a dialog, for [data-share], a link to that form, or for clips chosen on the page.

const video = document.getElementById("video"), cine = document.querySelector("[data-cine]");
if (video && cine) {
  cine.hidden = false;
  cine.addEventListener("click", () => video.play());
  video.addEventListener("play", () => { cine.hidden = true; }, { once: true });
}

const box = () => document.getElementById("share-box");

async function ask(method, address, values = {}) {
  await htmx.ajax(method, address, { values, target: "#sharing", swap: "outerHTML", source: box() });
  if (box().querySelector("#sharing form")) box().showModal();
}

document.addEventListener("click", (e) => {
  const link = e.target.closest?.("[data-share]");
  if (!link || !box()?.showModal || e.metaKey || e.ctrlKey || e.shiftKey) return;
  e.preventDefault();
  ask("GET", link.href);
});

// Whoever has chosen clips on the page dispatches `share` with {address, clips}, their ids.
document.addEventListener("share", (e) => { if (box()?.showModal) ask("POST", e.detail.address, { clips: e.detail.clips.join(",") }); });
