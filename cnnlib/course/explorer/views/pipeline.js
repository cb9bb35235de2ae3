// Shapes on their way through a network: a box a layer, as high as its map and as wide as its channels; rows wrap.
(window.cnnlibViews ??= {}).pipeline = (root, frame) => {
  const HEIGHT = 96; // of the largest map in the grid, and
  const WIDTH = 64; // of the most channels; both by square root, so that 6 px beside 224 and 10 beside 4096 can be seen
  const ARROW = 26;
  const drawing = el("div", { class: "cnn-drawing" });
  const legend = el("p", { class: "cnn-legend" });
  root.append(drawing, legend);
  const KINDS = { input: "image", conv: "convolution", pool: "pooling", linear: "fully connected", norm: "normalisation" };
  const shape = ([channels, ...map]) => [...map, channels].join("×");

  return ({ layers }, width) => {
    const boxes = layers.map((layer) => {
      const lines = [layer.name, shape(layer.shape), layer.what];
      const wide = Math.max(4, WIDTH * Math.sqrt(layer.shape[0] / frame.channels));
      const high = Math.max(4, HEIGHT * Math.sqrt((layer.shape[1] ?? 1) / frame.size));
      return { ...layer, lines, wide, high, room: Math.max(wide, 8.4 * Math.max(...lines.map((line) => line.length))) };
    });
    const rows = [];
    let x = width;
    for (const box of boxes) {
      // A row that is wrapped begins with its arrow too, so that it reads as going on.
      const arrow = box === boxes[0] ? 0 : ARROW;
      if (x + arrow + box.room > width) rows.push([]), (x = 0);
      box.x = x + arrow;
      x = box.x + box.room;
      rows[rows.length - 1].push(box);
    }
    const marks = [];
    let y = 2;
    for (const row of rows) {
      const tall = Math.max(16, ...row.map((box) => box.high));
      const middle = y + tall / 2;
      for (const box of row) {
        if (box !== boxes[0]) {
          marks.push(svg("path", { class: "cnn-arrow", d: `M${box.x - ARROW + 4} ${middle}h${ARROW - 10}m-5 -4l5 4l-5 4` }));
        }
        const centre = box.x + box.room / 2;
        marks.push(svg("rect", { class: `cnn-fill cnn-${box.op}`, x: centre - box.wide / 2, y: middle - box.high / 2,
          width: box.wide, height: box.high, rx: 2 }));
        box.lines.forEach((line, k) => marks.push(svg("text", { class: k ? "cnn-tick" : "cnn-name", x: centre,
          y: y + tall + 18 + 15 * k, "text-anchor": "middle" }, line)));
      }
      y += tall + 74;
    }
    const words = layers.map((layer) => `${layer.name} ${shape(layer.shape)}`).join(", ");
    drawing.replaceChildren(svg("svg", { width, height: y - 16, role: "img", "aria-label": `Shapes in order: ${words}` }, marks));
    const kinds = Object.keys(KINDS).filter((op) => layers.some((layer) => layer.op === op));
    legend.replaceChildren(
      ...kinds.map((op) => el("span", {}, svg("svg", { width: 12, height: 12, "aria-hidden": "true" },
        svg("rect", { class: `cnn-fill cnn-${op}`, width: 12, height: 12, rx: 2 })), KINDS[op])),
      el("span", {}, "Height follows √(side of the map), width √channels."));
  };
};
