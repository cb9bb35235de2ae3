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
  const seconds = (n) => (n >= 1 ? `${short(n)}\u202fs` : n >= 1e-3 ? `${short(1e3 * n)}\u202fms` : `${short(1e6 * n)}\u202fµs`);
  const UNITS = { "": short, B: bytes, s: seconds, year: String }; // how a value is said; other units stand behind it
  const amount = (value, { unit }) => (value === null ? "–" : UNITS[unit] ? UNITS[unit](value) : `${value}\u202f${unit}`);
  const mark = ({ group, grow = 1 }) => {
    const i = frame.groups.indexOf(group);
    return svg("path", { class: `cnn-fill cnn-${COLOURS[i % COLOURS.length]}`, d: FORMS[i % FORMS.length],
      ...(grow === 1 ? {} : { transform: `scale(${grow.toFixed(2)})`, "fill-opacity": 0.75 }) });
  };
  let chosen = null; // stays when the axes change: one can follow a network

  // Beside each point, where no label before it and no point is; else none: the reading and the table have it.
  function place(spots, [left, right, top, bottom], title) {
    const taken = [title, ...spots.map(({ px, py, grow }) => [px - 6 * grow, px + 6 * grow, py - 6 * grow, py + 6 * grow])];
    const free = ([l, r, t, b]) => l >= left && r <= right && t >= top && b <= bottom &&
      taken.every((box) => r <= box[0] || l >= box[1] || b <= box[2] || t >= box[3]);
    for (const spot of spots) {
      const long = 7.1 * spot.name.length;
      const more = 6 * (spot.grow - 1); // beside a mark that has grown
      const ways = [[9 + more, 4, "start"], [-9 - more, 4, "end"], [0, -10 - more, "middle"], [0, 19 + more, "middle"],
        [7 + more, -7, "start"], [7 + more, 15, "start"], [-7 - more, -7, "end"], [-7 - more, 15, "end"]];
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

  return ({ points: given, x, y, size, lines }, width) => {
    const most = size ? frame.sizes[size.of] : 1;
    // The area shows the value, from a quarter of the usual mark on, so that the least can still be seen and met.
    const grow = (value) => (size ? Math.max(0.6, 3 * Math.sqrt((value ?? 0) / most)) : 1);
    const points = given.map((point) => ({ ...point, x: point[x.of ?? "x"], y: point[y.of ?? "y"],
      size: size ? point[size.of] : null, grow: size ? grow(point[size.of]) : 1 }));
    const [left, right, top, bottom] = [58, width - 16, 26, width < 460 ? 300 : 360];
    const scale = ({ label, log }, from, to) => {
      const { ticks, ends } = frame.axes[label];
      const of = log ? Math.log10 : Number;
      const [low, high] = ends.map(of);
      return { ticks, at: (value) => from + ((to - from) * (of(value) - low)) / (high - low) };
    };
    const [across, up] = [scale(x, left, right), scale(y, bottom, top)];
    const titled = ({ label, unit, log }) => `${label}${UNITS[unit] ? "" : ` (${unit})`}${log ? ", log scale" : ""}`;
    const text = (point) => `${point.name}: ${x.label} ${amount(point.x, x)}, ${y.label} ${amount(point.y, y)}${
      size && size.of !== x.of && size.of !== y.of ? `, ${size.label} ${amount(point.size, size)}` : ""}`;
    const plain = (value, { unit }) => (unit && UNITS[unit] ? UNITS[unit](value) : value >= 1000 ? short(value) : value);
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
    picture.append(...(lines ?? []).map(({ path }) => svg("path", { class: "cnn-roof",
      d: `M${path.map(([u, v]) => `${across.at(u).toFixed(1)} ${up.at(v).toFixed(1)}`).join("L")}` })));
    const spots = points.filter((point) => point.x !== null && point.y !== null)
      .map((point) => ({ ...point, px: across.at(point.x), py: up.at(point.y) }));
    place(spots, [left, width - 6, 0, bottom], [0, 7.1 * titled(y).length, 0, 16]);
    const ordered = [...spots].sort((a, b) => a.px - b.px);
    for (const spot of ordered) {
      spot.node = svg("g", { class: "cnn-point", role: "img", "aria-label": text(spot), "data-lm-suppress-shortcuts": "true" },
        svg("g", { transform: `translate(${spot.px.toFixed(1)} ${spot.py.toFixed(1)})` }, svg("circle", { class: "cnn-chosen", r: 6 * spot.grow + 3 }), mark(spot)),
        svg("text", { class: spot.label ? null : "cnn-crowded", ...(spot.label ?? { x: spot.px, y: spot.py - 5 - 6 * spot.grow, "text-anchor": "middle" }) }, spot.name));
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
    const near = ({ clientX, clientY }, reach) => {
      const { left: x0, top: y0 } = picture.getBoundingClientRect();
      const far = ({ px, py }) => Math.hypot(px - clientX + x0, py - clientY + y0);
      const nearest = ordered.reduce((best, spot) => (!best || far(spot) < far(best) ? spot : best), null);
      if (nearest && far(nearest) <= Math.max(reach, 6 * nearest.grow)) choose(nearest);
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
    legend.replaceChildren(
      ...(frame.groups.length < 2 ? [] : frame.groups.map((group) => el("span", {},
        svg("svg", { width: 16, height: 16, viewBox: "-8 -8 16 16", "aria-hidden": "true" }, mark({ group })), group))),
      ...(lines ?? []).map(({ label }) => el("span", {}, svg("svg", { width: 34, height: 14, "aria-hidden": "true" },
        svg("path", { class: "cnn-roof", d: "M1 7h32" })), label)),
      ...(size ? [el("span", {}, `Area of a mark: ${size.label}`)] : []));
    const cell = (value, { unit }) => (value === null ? "–" : unit === "year" || unit === "s" ? amount(value, { unit })
      : `${exact(value)}${unit ? ` ${unit}` : ""}`);
    const columns = [[x, "x"], [y, "y"], ...(size ? [[size, "size"]] : [])];
    table.replaceChildren(
      el("thead", {}, el("tr", {}, ["Name", ...columns.map(([{ label }]) => label)].map((head) => el("th", { scope: "col" }, head)))),
      el("tbody", {}, points.map((point) => el("tr", {}, el("th", { scope: "row" }, point.name),
        columns.map(([axis, key]) => el("td", { class: "cnn-number" }, cell(point[key], axis)))))));
  };
};
