// What somebody leaves behind, in a dialog, for links to its page with [data-departing].

const box = () => document.getElementById("departing-box");

async function ask(address) {
  // Closed a moment ago: dialogs.js empties it at the close event, which comes later than the key that closed it.
  if (box().querySelector("#departing form")) await new Promise((done) => box().addEventListener("close", done, { once: true }));
  await htmx.ajax("GET", address, { target: "#departing", swap: "outerHTML", source: box() });
  if (box().querySelector("#departing form")) box().showModal();
}

document.addEventListener("click", (e) => {
  const link = e.target.closest?.("a[data-departing]");
  if (link && box()?.showModal && !e.metaKey && !e.ctrlKey && !e.shiftKey) {
    e.preventDefault();
    ask(link.href);
  }
  if (e.target.closest?.("[data-departing-close]") && box()?.open) {
    e.preventDefault();
    box().close();
  }
});
