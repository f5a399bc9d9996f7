// The bars of a chart are one stop of the Tab key: the arrows, Home and End go from bar to bar.
const STEPS = { ArrowRight: 1, ArrowLeft: -1, Home: -Infinity, End: Infinity };

document.addEventListener("keydown", (e) => {
  const bar = e.target.closest?.("[data-rove] > *"), step = STEPS[e.key];
  if (!bar || step === undefined || e.ctrlKey || e.altKey || e.metaKey) return;
  e.preventDefault();
  const bars = [...bar.parentElement.children];
  const next = bars[Math.max(0, Math.min(bars.indexOf(bar) + step, bars.length - 1))];
  bar.tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
});
