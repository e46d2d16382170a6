"use strict";
// Sorting and filtering; without it the page shows everything, in the order of the ranks.
(() => {
  const benchmark = document.getElementById("benchmark");
  const modality = document.getElementById("modality");
  const superseded = document.getElementById("superseded");

  const filter = () => {
    for (const section of document.querySelectorAll("section.benchmark")) {
      section.classList.toggle("hidden", benchmark.value !== "" && section.id !== benchmark.value);
    }
    for (const item of document.querySelectorAll("[data-modality]")) {
      const other = modality.value !== "" && item.dataset.modality !== modality.value && !item.matches(".baseline");
      const old = item.matches(".superseded") && !superseded.checked;
      item.classList.toggle("hidden", other || old);
    }
  };

  // Numbers by size, words by letter; what is undefined comes last either way.
  const compare = (a, b, direction) => {
    if (a === "" || b === "") return (a === "") - (b === "");
    const difference = Number(a) - Number(b);
    return direction * (Number.isNaN(difference) ? a.localeCompare(b) : difference);
  };

  const sort = (header) => {
    const row = header.parentElement;
    const column = [...row.children].indexOf(header);
    const direction = header.getAttribute("aria-sort") === "ascending" ? -1 : 1;
    for (const other of row.children) other.removeAttribute("aria-sort");
    header.setAttribute("aria-sort", direction === 1 ? "ascending" : "descending");
    const body = header.closest("table").tBodies[0];
    const value = (line) => line.children[column].dataset.v ?? "";
    const lines = [...body.rows].sort((a, b) => compare(value(a), value(b), direction));
    body.append(...lines);
  };

  for (const button of document.querySelectorAll("thead button")) {
    button.addEventListener("click", () => sort(button.closest("th")));
  }
  for (const control of [benchmark, modality, superseded]) control.addEventListener("change", filter);
  document.getElementById("filters").hidden = false;
  filter();
})();
