// What one unit sees of the image: its square, those of the units on the way to it, and its neighbour's, a jump further on.
(window.cnnlibViews ??= {}).field = (root, frame) => {
  const drawing = el("div", { class: "cnn-drawing" });
  const table = el("table", { class: "cnn-values" });
  const legend = el("p", { class: "cnn-legend" });
  root.append(el("div", { class: "cnn-split" }, drawing, table), legend);
  const span = ([first, last]) => last - first + 1;
  const pixels = ({ pixels: [rows, columns] }) => `${span(rows)}×${span(columns)}`;
  const outside = (field, input) => Math.max(...field.pixels.flatMap(([first, last]) => [-first, last - input + 1]));

  return ({ input, fields, image }, width) => {
    const size = Math.min(width, width > 520 ? 400 : 320);
    const scale = (size - 4) / (frame.high - frame.low + 1);
    const at = (pixel) => 2 + (pixel - frame.low) * scale;
    const square = ([rows, columns], attributes) => svg("rect", { ...attributes, x: at(columns[0]), y: at(rows[0]),
      width: span(columns) * scale, height: span(rows) * scale });
    const whole = [[0, input - 1], [0, input - 1]];
    const unit = fields[fields.length - 1];
    const lines = scale < 5 ? [] : Array.from({ length: input - 1 }, (_, i) =>
      `M${at(i + 1)} ${at(0)}v${input * scale}M${at(0)} ${at(i + 1)}h${input * scale}`);
    const picture = svg("svg", { width: size, height: size, role: "img",
      "aria-label": `One unit of ${unit.name} sees ${pixels(unit)} pixels of an image of ${input}×${input}` });
    picture.append(
      svg("rect", { class: "cnn-around", width: size, height: size }),
      square(whole, { class: "cnn-input" }),
      image ? svg("image", { href: image, x: at(0), y: at(0), width: input * scale, height: input * scale, preserveAspectRatio: "none" }) : "",
      svg("path", { class: "cnn-pixels", d: lines.join("") }),
      square(unit.pixels, { class: "cnn-reach" }),
      ...fields.map((field) => square(field.pixels, { class: "cnn-ring" })),
      square(unit.pixels, { class: "cnn-halo" }), // of the ground, under the line: it must be seen on any image
      square(unit.pixels, { class: "cnn-ring cnn-unit" }),
      square([unit.pixels[0], unit.pixels[1].map((end) => end + unit.jump)], { class: "cnn-next" }));
    drawing.replaceChildren(picture);
    table.replaceChildren(
      el("thead", {}, el("tr", {}, ["Layer", "Sees", "Jump", "Outside"].map((text) => el("th", { scope: "col" }, text)))),
      el("tbody", {}, fields.map((field) => el("tr", {}, el("th", { scope: "row" }, field.name),
        [`${pixels(field)} px`, `${field.jump} px`, `${Math.max(0, outside(field, input))} px`].map((text) => el("td", {}, text))))));
    const key = (name, text) => el("span", {}, svg("svg", { width: 16, height: 16, "aria-hidden": "true" },
      svg("rect", { class: `cnn-${name}`, x: 2, y: 2, width: 12, height: 12 })), text);
    legend.replaceChildren(key("input", `the image, ${input}×${input}`), key("around", "padding around it"),
      key("ring cnn-unit", `what one unit of ${unit.name} sees; inside, those before it`),
      key("next", "what its neighbour sees, one jump to the right"));
  };
};
