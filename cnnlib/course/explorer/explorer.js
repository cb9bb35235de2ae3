// <cnn-explorer>: knobs over a table that Python computed. It looks up and draws; it computes nothing.
// A page may hold several explorers with different views, each with its own copy of this script:
// the first defines the element, every one brings its view, and an element starts when its view is there.
function unpack(table, index) {
  const result = {};
  for (const [key, { at, words, values, keys, rows }] of Object.entries(table)) {
    const here = at[index];
    const row = (i) => Object.fromEntries(keys.map((name, k) => [name, rows[i][k]]));
    if (words) result[key] = here.map((i) => words[i]).join(" ");
    else if (values) result[key] = values[here];
    else result[key] = Array.isArray(here) ? here.map(row) : row(here);
  }
  return result;
}

class Explorer extends HTMLElement {
  connectedCallback() {
    this.start();
  }

  start() {
    const source = this.querySelector("script[type='application/json']");
    const view = window.cnnlibViews[this.dataset.view];
    if (this.spec || !source || !view) return;
    this.spec = JSON.parse(source.textContent);
    this.build(view);
    this.replaceChildren(source, ...this.parts);
    this.width = this.picture.clientWidth;
    this.restore();
    // Drawn in real pixels, so that text keeps its size on a phone; hence again when the width changes.
    // The width is kept: asking for it while drawing would make the browser lay the page out in between.
    new ResizeObserver(([{ contentRect }]) => {
      if (this.width === contentRect.width) return;
      this.width = contentRect.width;
      this.draw();
    }).observe(this.picture);
    window.addEventListener("hashchange", () => this.restore());
  }

  build(view) {
    const { title, knobs, frame } = this.spec;
    this.setAttribute("role", "group");
    this.setAttribute("aria-label", title);
    this.controls = knobs.map((knob) => this.control(knob));
    this.sentence = el("p", { class: "cnn-sentence", "aria-live": "polite" });
    this.picture = el("div", { class: "cnn-picture" });
    this.view = view(this.picture, frame);
    this.code = el("code");
    this.said = el("span", { class: "cnn-said", role: "status" });
    this.python = el("div", { class: "cnn-python" }, this.code, button("Copy as Python", () => this.copy()), this.said);
    const reset = button("Reset", () => this.set(knobs.map((knob) => knob.default)));
    this.parts = [
      el("div", { class: "cnn-head" }, el("strong", { class: "cnn-title" }, title), reset),
      el("div", { class: "cnn-knobs" }, this.controls.map((control) => control.label)),
      this.sentence,
      this.picture,
      this.python,
    ];
  }

  control(knob) {
    // JupyterLab takes the arrow keys away from inputs that lack this attribute.
    // The name is given apart from the label, because the label also shows the value, which valuetext already says.
    const common = { name: knob.name, "aria-label": knob.label, "data-lm-suppress-shortcuts": "true" };
    const range = knob.kind === "range";
    // A menu shows its step itself, but not on paper, where its box is left out.
    const output = el("output", { class: range ? null : "cnn-paper" });
    const input = range
      ? el("input", { ...common, type: "range", min: 0, max: knob.steps.length - 1, step: 1 })
      : el("select", common, knob.steps.map((text, i) => el("option", { value: i }, text)));
    const label = el("label", { class: "cnn-knob" }, el("span", {}, knob.label), output, input);
    const show = () => {
      output.textContent = knob.steps[input.value];
      if (range) input.setAttribute("aria-valuetext", output.textContent);
    };
    input.addEventListener("input", () => {
      show();
      this.draw();
    });
    // At the end of a drag only: some browsers refuse many changes of the address in a row.
    input.addEventListener("change", () => this.remember());
    const set = (step) => {
      input.value = step;
      show();
    };
    set(knob.default);
    return { input, label, set };
  }

  set(steps) {
    steps.forEach((step, k) => this.controls[k].set(step));
    this.draw();
    this.remember();
  }

  draw() {
    const index = this.controls.reduce((sum, { input }, k) => sum * this.spec.knobs[k].steps.length + Number(input.value), 0);
    const result = unpack(this.spec.table, index);
    this.view(result, Math.max(this.width, 260));
    this.sentence.textContent = result.sentence;
    this.code.textContent = result.python ?? "";
    this.python.hidden = !result.python;
    this.said.textContent = "";
  }

  async copy() {
    try {
      await navigator.clipboard.writeText(this.code.textContent);
      this.said.textContent = "Copied.";
    } catch {
      // No clipboard in a sandboxed frame: mark the text, so that the reader's own copy key takes it.
      getSelection().selectAllChildren(this.code);
      this.said.textContent = "Marked: copy it with your keyboard.";
    }
  }

  // On the built page the knobs stand in the address, #id?depth=56&width=2, so that a teacher can link to a setting
  // and the text itself can turn a knob.
  remember() {
    if (!onPage()) return;
    const steps = this.controls.map(({ input }, k) => [input.name, this.spec.knobs[k].steps[input.value]]);
    history.replaceState(null, "", `#${this.id}?${new URLSearchParams(steps)}`);
  }

  restore() {
    const [id, query] = location.hash.slice(1).split("?");
    const asked = new URLSearchParams(onPage() && id === this.id ? query : "");
    this.spec.knobs.forEach((knob, k) => {
      const step = knob.steps.indexOf(asked.get(knob.name));
      if (step >= 0) this.controls[k].set(step);
    });
    this.draw();
    if (asked.size) this.scrollIntoView();
  }
}

if (!customElements.get("cnn-explorer")) customElements.define("cnn-explorer", Explorer);
for (const explorer of document.querySelectorAll("cnn-explorer")) explorer.start();
