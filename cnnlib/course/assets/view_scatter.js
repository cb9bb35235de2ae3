// Named points over two axes. The chart is one tab stop: arrow keys go from point to point, in the order across.
(window.cnnlibViews ??= {}).scatter = (root, frame) => {
  const COLOURS = ["conv", "linear", "pool", "activation", "join", "norm"];
  const FORMS = [ // a group is known by either: circle, square, triangle, diamond
    "M-5 0a5 5 0 1 0 10 0a5 5 0 1 0 -10 0", "M-4.5 -4.5h9v9h-9z", "M0 -6l6 10.5h-12z", "M0 -6.5l6.5 6.5l-6.5 6.5l-6.5 -6.5z",
  ];
  const chart = el("div", { class: "cnn-drawing" });
  const reading = el("p", { class: "cnn-note" });
  const legend = el("p", { class: "cnn-legend" });
  const table = el("table", { class: "cnn-values" });
  root.append(chart, reading, legend, el("details", { class: "cnn-details" }, el("summary", {}, "The points as a table"), table));
  const amount = (value, { unit }) => (value === null ? "–" : unit === "B" ? bytes(value) : unit === "" ? short(value) : `${value}\u202f${unit}`);
  const mark = ({ group }) => {
    const i = frame.groups.indexOf(group);
    return svg("path", { class: `cnn-fill cnn-${COLOURS[i % COLOURS.length]}`, d: FORMS[i % FORMS.length] });
  };
  let chosen = null; // stays when the axes change: one can follow a network

  // Beside each point, where no label before it and no point is; else none: the reading and the table have it.
  function place(spots, [left, right, top, bottom], title) {
    const taken = [title, ...spots.map(({ px, py }) => [px - 6, px + 6, py - 6, py + 6])];
    const free = ([l, r, t, b]) => l >= left && r <= right && t >= top && b <= bottom &&
      taken.every((box) => r <= box[0] || l >= box[1] || b <= box[2] || t >= box[3]);
    for (const spot of spots) {
      const long = 7.1 * spot.name.length;
      const ways = [[9, 4, "start"], [-9, 4, "end"], [0, -10, "middle"], [0, 19, "middle"],
        [7, -7, "start"], [7, 15, "start"], [-7, -7, "end"], [-7, 15, "end"]];
      for (const [dx, dy, anchor] of ways) {
        const l = spot.px + dx - (anchor === "end" ? long : anchor === "middle" ? long / 2 : 0);
        const box = [l, l + long, spot.py + dy - 11, spot.py + dy + 4];
        if (!free(box)) continue;
        spot.label = { x: spot.px + dx, y: spot.py + dy, "text-anchor": anchor };
        taken.push(box);
        break;
      }
    }
  }

  return ({ points, x, y }, width) => {
    const [left, right, top, bottom] = [58, width - 12, 26, width < 460 ? 300 : 360];
    const scale = ({ label, log }, from, to) => {
      const { ticks, ends } = frame.axes[label];
      const of = log ? Math.log10 : Number;
      const [low, high] = ends.map(of);
      return { ticks, at: (value) => from + ((to - from) * (of(value) - low)) / (high - low) };
    };
    const [across, up] = [scale(x, left, right), scale(y, bottom, top)];
    const titled = ({ label, unit, log }) => `${label}${unit && unit !== "B" ? ` (${unit})` : ""}${log ? ", log scale" : ""}`;
    const text = (point) => `${point.name}: ${x.label} ${amount(point.x, x)}, ${y.label} ${amount(point.y, y)}`;
    const plain = (value, axis) => (axis.unit === "B" ? bytes(value) : value >= 1000 ? short(value) : value);
    const every = Math.ceil(across.ticks.length / (width / 62)); // on a phone not every tick has its number
    const picture = svg("svg", { width, height: bottom + 44, role: "group", "aria-label": `${points.length} points: ${y.label} against ${x.label}. Arrow keys go from point to point.` });
    picture.append(
      ...up.ticks.flatMap((tick) => [
        svg("line", { class: "cnn-grid", x1: left, x2: right, y1: up.at(tick), y2: up.at(tick) }),
        svg("text", { class: "cnn-tick", x: left - 7, y: up.at(tick) + 4, "text-anchor": "end" }, plain(tick, y))]),
      ...across.ticks.flatMap((tick, i) => [
        svg("line", { class: "cnn-grid", x1: across.at(tick), x2: across.at(tick), y1: top, y2: bottom }),
        i % every ? "" : svg("text", { class: "cnn-tick", x: across.at(tick), y: bottom + 18, "text-anchor": "middle" }, plain(tick, x))]),
      svg("text", { class: "cnn-tick", x: 0, y: 12 }, titled(y)),
      svg("text", { class: "cnn-tick", x: (left + right) / 2, y: bottom + 38, "text-anchor": "middle" }, titled(x)));
    const spots = points.filter((point) => point.x !== null && point.y !== null)
      .map((point) => ({ ...point, px: across.at(point.x), py: up.at(point.y) }));
    place(spots, [left, width, 0, bottom], [0, 7.1 * titled(y).length, 0, 16]);
    const ordered = [...spots].sort((a, b) => a.px - b.px);
    for (const spot of ordered) {
      spot.node = svg("g", { class: "cnn-point", role: "img", "aria-label": text(spot), "data-lm-suppress-shortcuts": "true" },
        svg("g", { transform: `translate(${spot.px.toFixed(1)} ${spot.py.toFixed(1)})` }, svg("circle", { class: "cnn-chosen", r: 9 }), mark(spot)),
        svg("text", { class: spot.label ? null : "cnn-crowded", ...(spot.label ?? { x: spot.px, y: spot.py - 11, "text-anchor": "middle" }) }, spot.name));
      spot.node.addEventListener("focus", () => choose(spot));
      picture.append(spot.node);
    }
    function choose(spot) {
      chosen = spot?.name ?? chosen;
      for (const each of ordered) {
        each.node.classList.toggle("cnn-on", each === spot);
        each.node.setAttribute("tabindex", each === (spot ?? ordered[0]) ? 0 : -1);
      }
      reading.textContent = spot ? text(spot) : "Point at a mark, or go to it with Tab and the arrow keys, to read it here.";
    }
    const near = ({ clientX, clientY }, most) => {
      const { left: x0, top: y0 } = picture.getBoundingClientRect();
      const far = ({ px, py }) => Math.hypot(px - clientX + x0, py - clientY + y0);
      const nearest = ordered.reduce((best, spot) => (!best || far(spot) < far(best) ? spot : best), null);
      if (nearest && far(nearest) <= most) choose(nearest);
    };
    picture.addEventListener("pointermove", (event) => near(event, 16));
    picture.addEventListener("click", (event) => near(event, 40)); // a finger is wider than a mark
    picture.addEventListener("keydown", (event) => {
      const i = ordered.findIndex(({ node }) => node === event.target);
      const to = { ArrowRight: i + 1, ArrowUp: i + 1, ArrowLeft: i - 1, ArrowDown: i - 1, Home: 0, End: ordered.length - 1 }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      ordered[to]?.node.focus();
    });
    chart.replaceChildren(picture);
    choose(ordered.find(({ name }) => name === chosen));
    legend.replaceChildren(...(frame.groups.length < 2 ? [] : frame.groups.map((group) => el("span", {},
      svg("svg", { width: 16, height: 16, viewBox: "-8 -8 16 16", "aria-hidden": "true" }, mark({ group })), group))));
    const cell = (value, axis) => (value === null ? "–" : `${exact(value)}${axis.unit ? ` ${axis.unit}` : ""}`);
    table.replaceChildren(
      el("thead", {}, el("tr", {}, ["Name", x.label, y.label].map((head) => el("th", { scope: "col" }, head)))),
      el("tbody", {}, points.map((point) => el("tr", {}, el("th", { scope: "row" }, point.name),
        el("td", { class: "cnn-number" }, cell(point.x, x)), el("td", { class: "cnn-number" }, cell(point.y, y))))));
  };
};
