// A network as a row of blocks (depth makes it longer, width higher), its shortcuts as arcs, and what each stage costs.
(window.cnnlibViews ??= {}).stages = (root, frame) => {
  const HEIGHT = 104; // of the widest layer in the grid; bar height is proportional to the square root of the channels
  const ARCS = 24; // room above the bars
  const side = (size) => (Array.isArray(size) ? size[0] : size);
  const kind = (stage) => (stage.op ?? (stage.name === "fc" ? "linear" : "conv"));
  // One colour an operation; a stage's shade of it links its blocks to its row in the table.
  const shade = (stages, i) => `--shade: ${Math.round(68 + (32 * (i + 1)) / stages.length)}%`;

  const drawing = el("div", { class: "cnn-drawing" });
  const legend = el("p", { class: "cnn-legend" });
  const totals = el("dl", { class: "cnn-totals" });
  const table = el("table", { class: "cnn-costs" });
  const field = el("figure", { class: "cnn-field" });
  root.append(drawing, legend, totals, el("div", { class: "cnn-split" }, table, field));

  function labels(stage, small) {
    const pixels = side(stage.size);
    return [stage.name, pixels > 1 ? `${pixels}×${pixels}` : "",
      `${stage.channels} ${kind(stage) === "linear" ? "out" : "ch"}`,
      stage.blocks && (small ? `×${stage.blocks}` : stage.blocks > 1 ? `${stage.blocks} blocks` : "1 block")].filter(Boolean);
  }

  function network({ stages, shortcuts }, width) {
    const small = width < 460;
    const gap = small ? 4 : 10;
    // A stage has room for its longest label at least, so that labels never meet; blocks thin out until all fit.
    const least = (stage) => (small ? 6.9 : 8.2) * Math.max(...labels(stage, small).map((text) => text.length));
    const room = (step) => stages.reduce((sum, stage) => sum + Math.max(least(stage), stage.blocks * step) + gap, -gap);
    let step = 24;
    while (step > 1 && room(step) > width) step -= 0.25;
    const base = ARCS + HEIGHT;
    const bar = step * (step < 5 ? 0.7 : 0.78);
    const picture = svg("svg", { width, height: base + 68, class: small ? "cnn-small" : null, role: "img", "aria-label": "Blocks of the network, left to right" });
    const marks = [];
    let x = 0;
    let before = null;
    stages.forEach((stage, i) => {
      const space = Math.max(least(stage), stage.blocks * step);
      const height = Math.max(5, HEIGHT * Math.sqrt(stage.channels / frame.channels));
      const changes = before && (before.channels !== stage.channels || side(before.size) !== side(stage.size));
      const blocks = Math.max(1, stage.blocks);
      const wide = stage.blocks ? bar : 14;
      const start = x + (space - (stage.blocks ? stage.blocks * step : wide)) / 2;
      for (let b = 0; b < blocks; b++) {
        const left = start + b * step + (stage.blocks ? (step - bar) / 2 : 0);
        marks.push(svg("rect", { class: `cnn-block cnn-${kind(stage)}`, style: shade(stages, i), x: left, y: base - height,
          width: wide, height, rx: Math.min(3, wide / 3) }));
        if (!shortcuts || !stage.blocks) continue;
        const matched = !(b === 0 && changes) && shortcuts !== "C";
        const arc = matched ? "identity" : shortcuts === "A" ? "padding" : "projection";
        const top = base - height - 2.5;
        const rise = Math.min(15, 4 + step);
        marks.push(svg("path", { class: `cnn-arc cnn-${arc}`, style: step < 4 ? "stroke-width: 0.8" : null,
          d: `M${left - (step - bar) / 2} ${top}q${step / 2} ${-2 * rise} ${step} 0` }));
      }
      labels(stage, small).forEach((text, k) => marks.push(svg("text", { class: k ? "cnn-tick" : "cnn-name", x: x + space / 2,
        y: base + 17 + 15 * k, "text-anchor": "middle" }, text)));
      x += space + gap;
      before = stage;
    });
    picture.append(svg("line", { class: "cnn-axis", x1: 0, x2: x - gap, y1: base + 0.5, y2: base + 0.5 }), ...marks);
    drawing.replaceChildren(picture);
    const key = (name, text) => el("span", {},
      svg("svg", { width: 26, height: 14, "aria-hidden": "true" },
        svg("path", { class: `cnn-arc cnn-${name}`, d: "M2 12q11 -20 22 0" })), text);
    legend.replaceChildren(
      el("span", {}, "A bar is a block; its height follows √channels."),
      ...(shortcuts ? [] : [el("span", {}, "No shortcuts.")]),
      ...(shortcuts && shortcuts !== "C" ? [key("identity", "identity shortcut")] : []),
      ...(shortcuts === "A" ? [key("padding", "zero-padded shortcut")] : []),
      ...(shortcuts === "B" || shortcuts === "C" ? [key("projection", "1×1 projection")] : []));
  }

  // The field of each stage over the input image, all settings on one scale: more depth is a bigger square.
  function fields({ stages, totals, input }, size = 140) {
    const image = side(input ?? stages[0].size);
    const last = side(totals.receptive_field);
    const scale = (size - 4) / Math.max(frame.receptive_field, image);
    const square = (pixels, attributes) => svg("rect", { ...attributes, x: (size - pixels * scale) / 2,
      y: (size - pixels * scale) / 2, width: pixels * scale, height: pixels * scale });
    const text = `${exact(last)} px, input ${exact(image)} px`;
    field.replaceChildren(
      svg("svg", { width: size, height: size, role: "img", "aria-label": `Receptive field ${text}` },
        square(last, { class: "cnn-reach" }),
        square(image, { class: "cnn-input" }),
        stages.map((stage, i) => (stage.blocks ? square(side(stage.receptive_field), { class: "cnn-ring", style: shade(stages, i) }) : ""))),
      el("figcaption", {}, el("strong", {}, "Receptive field"), el("span", {}, text),
        el("span", { class: "cnn-tick" }, "grey: the input; blue: what one value of each stage sees")));
  }

  return (result, width) => {
    network(result, width);
    totals.replaceChildren(...costTotals(result.totals, ["Receptive field", side(result.totals.receptive_field), " px"]));
    table.replaceChildren(...costTable("Stage", result.stages, result.totals,
      (stage, i) => ({ class: `cnn-fill cnn-${kind(stage)}`, style: shade(result.stages, i) }),
      (stage, name, share) => share));
    fields(result);
  };
};
