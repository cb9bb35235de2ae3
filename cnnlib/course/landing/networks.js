// <cnn-networks>: a table whose headings sort it. The first press of a number's heading puts the smallest on top, the next
// the largest; what has no number stays at the end.
class Networks extends HTMLElement {
  connectedCallback() {
    const table = this.querySelector("table");
    if (this.headings || !table) return;
    this.body = table.tBodies[0];
    this.rows = [...this.body.rows];
    this.headings = [...table.tHead.rows[0].cells].slice(0, -1); // the last says how the errors were measured
    for (const [column, heading] of this.headings.entries()) {
      const sort = button(heading.textContent, () => this.sort(column));
      sort.dataset.lmSuppressShortcuts = "true";
      heading.replaceChildren(sort);
    }
    this.state = el("p", { class: "cnn-state", role: "status" });
    this.prepend(el("p", { class: "cnn-lead" }, "Press a heading to sort by it; press it again to turn the order round."));
    this.append(this.state);
  }

  sort(column) {
    const heading = this.headings[column];
    const up = heading.getAttribute("aria-sort") !== "ascending";
    const key = (row) => (column ? (row.cells[column].dataset.value === "" ? null : Number(row.cells[column].dataset.value)) : row.cells[0].textContent);
    const compare = (a, b) => (typeof a === "string" ? a.localeCompare(b) : a - b) * (up ? 1 : -1);
    const [known, unknown] = [[], []];
    for (const row of this.rows) (key(row) === null ? unknown : known).push(row);
    known.sort((a, b) => compare(key(a), key(b)));
    this.body.replaceChildren(...known, ...unknown);
    for (const other of this.headings) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", up ? "ascending" : "descending");
    this.state.textContent = `Sorted by ${heading.textContent}, ${up ? "smallest" : "largest"} first: ${known[0].cells[0].textContent}.`;
    if (!column) this.state.textContent = `Sorted by name, from ${known[0].cells[0].textContent} on.`;
  }
}

if (!customElements.get("cnn-networks")) customElements.define("cnn-networks", Networks);
