// The search of events: a period of one's own shows its fields; addresses stay short.
"use strict";

(() => {
  const form = document.getElementById("filters");
  if (!form) return;

  const period = form.elements.period;
  const arrange = () => form.querySelectorAll("[data-custom]").forEach((label) => {
    label.hidden = period.value !== "custom";
  });
  period.addEventListener("change", () => {
    arrange();
    if (period.value === "custom") form.elements.start.focus();
  });

  // Nothing that is blank, and no columns where they are the usual ones.
  form.addEventListener("formdata", (event) => {
    for (const [name, value] of [...event.formData.entries()]) {
      if (!value) event.formData.delete(name);
    }
    if (event.formData.getAll("column").join(",") === form.dataset.usual) event.formData.delete("column");
  });

  // One list open at a time; Escape closes it.
  const drops = [...document.querySelectorAll("details.lo-drop")];
  drops.forEach((drop) => drop.addEventListener("toggle", () => {
    if (drop.open) drops.forEach((other) => { if (other !== drop) other.open = false; });
  }));
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    drops.filter((drop) => drop.open).forEach((drop) => {
      drop.open = false;
      drop.querySelector("summary").focus();
    });
  });
  document.addEventListener("click", (event) => {
    drops.forEach((drop) => { if (!drop.contains(event.target)) drop.open = false; });
  });
})();
