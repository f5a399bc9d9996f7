// Of a row of sections that is wider than the screen, the one that is shown stands in sight.
document.querySelectorAll(".top .seg [aria-current]").forEach((one) => {
  const row = one.parentElement;
  row.scrollLeft = one.offsetLeft - row.offsetLeft - (row.clientWidth - one.offsetWidth) / 2;
});
