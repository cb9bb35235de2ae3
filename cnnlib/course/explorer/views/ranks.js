// Places in several rankings: a column each, the first on top, and a line for each name; chosen lines stand out.
(window.cnnlibViews ??= {}).ranks = (root, frame) => {
  const COLOURS = ["conv", "linear", "pool", "activation"];
  const DASHES = ["none", "7 4", "2 3", "10 3 2 3"]; // with colour: a line is known by either
  const drawing = el("div", { class: "cnn-drawing" });
  const table = el("table", { class: "cnn-values" });
  const scroll = el("div", { class: "cnn-scroll", tabindex: 0, role: "region", "aria-label": "Values", "data-lm-suppress-shortcuts": "true" }, table);
  root.append(drawing, el("details", { class: "cnn-details" }, el("summary", {}, "The values as a table"), scroll));

  return ({ columns, rows, chosen }, width) => {
    const step = 19;
    const name = 6.6 * Math.max(...rows.map((row) => row.name.length)) + 12;
    const [left, right] = [name, width - (width > 620 ? name : 22)];
    const narrow = (right - left) / (columns.length - 1) < 90; // then every second heading stands higher
    const top = narrow ? 76 : 46;
    const px = (k) => left + ((right - left) * k) / (columns.length - 1);
    const py = (place) => top + step * (place - 1);
    const picture = svg("svg", { width, height: top + step * frame.rows, role: "img",
      "aria-label": `Places of ${rows.length} names in ${columns.join(", ")}; the table below has the values.` });
    columns.forEach((column, k) => {
      const words = column.split(" "); // a heading in two lines: columns are narrow on a phone
      const half = Math.ceil(words.length / 2);
      const anchor = k === 0 && width <= 620 ? "start" : k === columns.length - 1 && width <= 620 ? "end" : "middle";
      const at = anchor === "start" ? px(k) - 24 : anchor === "end" ? width : px(k);
      [words.slice(0, half), words.slice(half)].forEach((line, i) => picture.append(
        svg("text", { class: "cnn-tick", x: at, y: (narrow && k % 2 === 0 ? 42 : 12) + 14 * i, "text-anchor": anchor }, line.join(" "))));
    });
    const line = ({ places }) => `M${places.map((place, k) => `${px(k).toFixed(1)} ${py(place).toFixed(1)}`).join("L")}`;
    const rest = rows.filter((row) => !chosen.includes(row.name));
    picture.append(...rest.map((row) => svg("path", { class: "cnn-thin", d: line(row) })));
    for (const row of rest) {
      picture.append(...row.places.map((place, k) => svg("circle", { class: "cnn-fill", cx: px(k), cy: py(place), r: 2.5 })));
    }
    chosen.forEach((one, i) => {
      const row = rows.find((each) => each.name === one);
      const colour = COLOURS[i % COLOURS.length];
      picture.append(svg("path", { class: `cnn-line cnn-thick cnn-${colour}`, "stroke-dasharray": DASHES[i % DASHES.length], d: line(row) }),
        ...row.places.flatMap((place, k) => [svg("circle", { class: `cnn-fill cnn-${colour}`, cx: px(k), cy: py(place), r: 9.5 }),
          svg("text", { class: "cnn-place", x: px(k), y: py(place) + 4, "text-anchor": "middle" }, place)]));
    });
    const named = (row, k, x, anchor) => svg("text", { class: chosen.includes(row.name) ? "cnn-name" : "cnn-tick", x, y: py(row.places[k]) + 4, "text-anchor": anchor }, row.name);
    picture.append(...rows.map((row) => named(row, 0, left - 14, "end")));
    if (width > 620) picture.append(...rows.map((row) => named(row, columns.length - 1, right + 14, "start")));
    drawing.replaceChildren(picture);
    table.replaceChildren(
      el("thead", {}, el("tr", {}, ["Name", ...columns].map((head) => el("th", { scope: "col" }, head)))),
      el("tbody", {}, rows.map((row) => el("tr", {}, el("th", { scope: "row" }, row.name),
        row.values.map((value, k) => el("td", { class: "cnn-number" }, `${value} (${row.places[k]})`))))));
  };
};
