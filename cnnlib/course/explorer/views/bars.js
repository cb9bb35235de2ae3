// What each part costs: a bar an amount, on one scale for all settings, so that a bar that grows costs more; or, with
// `shares`, a bar the part's share of this network, for settings whose amounts differ too much for one scale.
(window.cnnlibViews ??= {}).bars = (root, frame) => {
  const totals = el("dl", { class: "cnn-totals" });
  const table = el("table", { class: "cnn-costs" });
  const note = el("p", { class: "cnn-note" });
  root.append(totals, table, note);

  return (result) => {
    totals.replaceChildren(...costTotals(result.totals));
    table.replaceChildren(...costTable("Part", result.rows, result.totals,
      ({ op }) => ({ class: `cnn-fill cnn-${op}` }),
      (row, name, share) => (result.shares ? share : frame[name] ? (100 * row[name]) / frame[name] : 0)));
    note.textContent = result.shares ? "Per cent and bars: the share of this network."
      : "Per cent: the share of this network. Bars: the amount, on one scale a column for all settings.";
  };
};
