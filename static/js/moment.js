// The moment that a clip shows: opens it at ?t=, copies a link to it, and goes on from its frame.
//   <form data-moment> with a hidden "moment" in milliseconds   <button data-copy data-copy-here>

const video = () => document.getElementById("video");
const asked = Number(new URLSearchParams(location.search).get("t"));

if (asked > 0 && video()) {
  const go = () => { video().currentTime = Math.min(asked, Math.max(0, video().duration - 0.001) || asked); };
  if (video().readyState >= 1) go(); else video().addEventListener("loadedmetadata", go, { once: true });
}

// Before copy.js reads it: capture.
document.addEventListener("click", (e) => {
  const button = e.target.closest?.("[data-copy-here]");
  if (!button) return;
  const address = new URL(location.href), at = video()?.currentTime ?? 0;
  address.hash = "";
  address.searchParams.delete("t");
  if (at > 0) address.searchParams.set("t", at.toFixed(2));
  button.dataset.copy = address.href;
}, true);

document.addEventListener("submit", (e) => {
  if (!e.target.matches?.("[data-moment]")) return;
  video().pause();
  e.target.elements.moment.value = Math.round(video().currentTime * 1000);
});
