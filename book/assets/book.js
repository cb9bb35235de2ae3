"use strict";

// A box that scrolls sideways (a wide table, a long line of code) can be reached and scrolled by keyboard.
const boxes = document.querySelectorAll("article pre, article .pst-scrollable-table-container, article .cell_output .output, article .katex-display");
const makeReachable = () => {
  for (const box of boxes) {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  }
};
makeReachable();
addEventListener("load", makeReachable);
addEventListener("resize", makeReachable);

// Straight from the disk a page may not read another one, which the search would do for its excerpts.
if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;

// "/" leads to the search, as Ctrl+K does.
addEventListener("keydown", (event) => {
  const typing = event.target.closest?.("input, textarea, select, [contenteditable]");
  if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  const dialog = document.getElementById("pst-search-dialog");
  const field = [...document.querySelectorAll("input[name='q']")].find((one) => one.checkVisibility());
  if (!field) dialog.showModal();
  (field ?? dialog.querySelector("input")).focus();
});

// On paper the page is light, and what is drawn in pixels shrinks to the sheet. Both are as before afterwards.
const paper = matchMedia("print");
let screenTheme;
const pictures = () => document.querySelectorAll(".cnn-picture svg[width][height]:not([width$='%'])");
paper.addEventListener("change", () => {
  const page = document.documentElement;
  if (paper.matches) {
    screenTheme = page.dataset.theme;
    page.dataset.theme = "light";
    for (const picture of pictures()) {
      if (picture.hasAttribute("viewBox")) continue;
      picture.setAttribute("viewBox", `0 0 ${picture.getAttribute("width")} ${picture.getAttribute("height")}`);
      picture.dataset.paper = "";
    }
  } else {
    page.dataset.theme = screenTheme;
    for (const picture of document.querySelectorAll("svg[data-paper]")) {
      picture.removeAttribute("viewBox");
      delete picture.dataset.paper;
    }
  }
});

// A definition that shows under a line goes away on Escape, until the reader comes to its word again.
addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const use of document.querySelectorAll(".glossary-use:is(:hover, :focus-within)")) {
    use.classList.add("closed");
    for (const leave of ["mouseleave", "focusout"]) use.addEventListener(leave, () => use.classList.remove("closed"), { once: true });
  }
});
