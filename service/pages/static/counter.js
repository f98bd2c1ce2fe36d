"use strict";
// Prints, and lets a form go once; the service takes it once in any case.
for (const button of document.querySelectorAll("[data-print]")) button.addEventListener("click", () => window.print());
for (const form of document.querySelectorAll("form[data-once]")) {
  form.addEventListener("submit", () => {
    for (const button of form.querySelectorAll("button")) button.disabled = true;
  });
}
window.addEventListener("pageshow", () => {
  for (const button of document.querySelectorAll("form[data-once] button")) button.disabled = false;
});
