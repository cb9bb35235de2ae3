// Rows of text and numbers; the first column heads each row.
(window.cnnlibViews ??= {}).table = (root, { columns }) => {
  const table = el("table", { class: "cnn-values" });
  // May be wider than a phone: it then scrolls inside, by touch and, having the focus, by arrow keys.
  root.append(el("div", { class: "cnn-scroll", tabindex: 0, role: "region", "aria-label": "Values", "data-lm-suppress-shortcuts": "true" }, table));
  const text = (value) => (value === null || value === undefined ? "–" : Number.isInteger(value) ? exact(value) : String(value));

  return ({ rows }) => {
    const number = (column) => rows.every((row) => typeof (row[column] ?? 0) === "number");
    table.replaceChildren(
      el("thead", {}, el("tr", {}, columns.map((column) =>
        el("th", { scope: "col", class: number(column) ? "cnn-number" : null }, column)))),
      el("tbody", {}, rows.map((row) => el("tr", {}, columns.map((column, k) => k
        ? el("td", { class: number(column) ? "cnn-number" : null }, text(row[column]))
        : el("th", { scope: "row" }, text(row[column])))))));
  };
};
