// Parameters, MACs and output bytes of the parts of a network: a table with bars, and totals. For the views that show costs.
const COSTS = { params: ["Parameters", short], macs: ["MACs", short], output_bytes: ["Output", bytes] };

// `look` gives a row's colour as attributes, `portion` the length of its bar in per cent.
function costTable(heading, rows, totals, look, portion) {
  const cell = (row, i, name) => {
    const share = totals[name] ? (100 * row[name]) / totals[name] : 0;
    return el("td", {},
      el("span", { class: "cnn-amount" }, COSTS[name][1](row[name])),
      el("span", { class: "cnn-share" }, !share ? "" : share < 1 ? "<1%" : `${Math.round(share)}%`),
      el("span", { class: "cnn-bar" }, svg("svg", { width: "100%", height: 9, "aria-hidden": "true" },
        svg("rect", { ...look(row, i), width: `${portion(row, name, share)}%`, height: 9, rx: 2 }))));
  };
  const names = Object.keys(COSTS);
  return [
    el("thead", {}, el("tr", {}, el("th", { scope: "col" }, heading),
      names.map((name) => el("th", { scope: "col" }, COSTS[name][0])))),
    el("tbody", {}, rows.map((row, i) => el("tr", {}, el("th", { scope: "row" }, row.name),
      names.map((name) => cell(row, i, name))))),
  ];
}

function costTotals(totals, ...more) {
  const rows = [["Parameters", totals.params, ""], ["MACs", totals.macs, ""], ["Output bytes", totals.output_bytes, ""], ...more];
  return rows.map(([name, value, unit]) =>
    el("div", {}, el("dt", {}, name), el("dd", {}, el("data", { value }, `${exact(value)}${unit}`))));
}
