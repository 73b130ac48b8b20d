// A button that copies a text of the page; where there is no clipboard, it marks the text.
"use strict";

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copies]");
  if (!button) return;
  const text = document.getElementById(button.dataset.copies);
  const before = button.textContent;
  try {
    await navigator.clipboard.writeText(text.textContent);
    button.textContent = "Copied";
  } catch {
    window.getSelection().selectAllChildren(text);
    button.textContent = "Marked: copy it";
  }
  setTimeout(() => { button.textContent = before; }, 2000);
});
