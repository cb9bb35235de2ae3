// Lines over epochs with their spread over runs. Axes are the same for every setting, so that pictures compare.
(window.cnnlibViews ??= {}).curves = (root, frame) => {
  const DASHES = ["none", "7 4", "2 3", "10 3 2 3"]; // with colour: a line is known by either
  const STYLES = { residual: "conv", plain: "linear" };
  const OTHERS = ["conv", "linear", "pool", "activation"];
  const chart = el("div", { class: "cnn-drawing" });
  const legend = el("p", { class: "cnn-legend" });
  const note = el("p", { class: "cnn-note" });
  root.append(chart, legend, note);
  const span = (ticks) => [ticks[0], ticks[ticks.length - 1]];

  return ({ series, x_label, y_label, note: said }, width) => {
    const [left, right, top, bottom] = [46, width - 14, 26, 246];
    const [x0, x1] = span(frame.x);
    const [y0, y1] = span(frame.y).map((v) => (frame.log ? Math.log10(v) : v));
    const px = (v) => left + ((right - left) * (v - x0)) / (x1 - x0);
    const py = (v) => bottom - ((bottom - top) * ((frame.log ? Math.log10(Math.max(v, frame.y[0])) : v) - y0)) / (y1 - y0);
    const picture = svg("svg", { width, height: 290, role: "img", "aria-label": `${y_label || "Curves"} against ${x_label || "epochs"}` });
    for (const y of frame.y) {
      picture.append(svg("line", { class: "cnn-grid", x1: left, x2: right, y1: py(y), y2: py(y) }),
        svg("text", { class: "cnn-tick", x: left - 7, y: py(y) + 4, "text-anchor": "end" },
          frame.log && (y < 0.01 || y >= 1e4) ? y.toExponential(0).replace("+", "") : y)); // 0.00001 is wider than the margin
    }
    for (const x of frame.x) {
      picture.append(svg("text", { class: "cnn-tick", x: px(x), y: bottom + 18, "text-anchor": "middle" }, x));
    }
    picture.append(
      svg("line", { class: "cnn-axis", x1: left, x2: right, y1: bottom, y2: bottom }),
      svg("text", { class: "cnn-tick", x: 0, y: 12 }, y_label ?? ""),
      svg("text", { class: "cnn-tick", x: (left + right) / 2, y: bottom + 38, "text-anchor": "middle" }, x_label ?? ""));
    const look = ({ style }, i) => ({ class: `cnn-line cnn-${STYLES[style] ?? OTHERS[i % 4]}`, "stroke-dasharray": DASHES[i % 4] });
    const path = (xs, ys) => xs.map((x, k) => `${px(x).toFixed(1)} ${py(ys[k]).toFixed(1)}`);
    series.forEach((one, i) => {
      const back = path(one.epochs, one.low).reverse();
      picture.append(svg("path", { class: look(one, i).class.replace("line", "band"),
        d: `M${[...path(one.epochs, one.high), ...back].join("L")}Z` }));
    });
    series.forEach((one, i) => picture.append(svg("path", { ...look(one, i), d: `M${path(one.epochs, one.mean).join("L")}` })));
    if (!series.length) {
      picture.append(svg("text", { class: "cnn-name", x: (left + right) / 2, y: (top + bottom) / 2, "text-anchor": "middle" },
        "No run was recorded here"));
    }
    chart.replaceChildren(picture);
    legend.replaceChildren(...series.map((one, i) => el("span", {},
      svg("svg", { width: 34, height: 14, "aria-hidden": "true" }, svg("path", { ...look(one, i), d: "M1 7h32" })),
      one.runs > 1 ? `${one.label}: mean of ${one.runs} runs, band from lowest to highest` : one.runs ? `${one.label}: one run` : one.label)));
    note.textContent = said ?? "";
  };
};
