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

// A definition that shows under a line goes away on Escape, until the reader comes to its word again.
addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const use of document.querySelectorAll(".glossary-use:is(:hover, :focus-within)")) {
    use.classList.add("closed");
    for (const leave of ["mouseleave", "focusout"]) use.addEventListener(leave, () => use.classList.remove("closed"), { once: true });
  }
});
