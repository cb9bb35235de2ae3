// <cnn-progress>: what quiz.js keeps for each chapter, counted; answers to questions that have changed since are left out.
class Progress extends HTMLElement {
  connectedCallback() {
    this.start();
  }

  start() {
    const rows = [...this.querySelectorAll("tr[data-name]")];
    if (this.rows || !rows.length) return;
    this.total = el("p", { class: "cnn-score", role: "status" });
    this.rows = rows.map((row) => {
      const bar = el("progress", { max: row.dataset.hashes.split(" ").length, value: 0 });
      const text = el("span");
      const name = row.querySelector("th").textContent;
      bar.setAttribute("aria-label", `Right answers, ${name}`);
      const clear = this.asked("Clear", `Clear the answers of ${name}`, () => this.clear([row.dataset.name]));
      row.querySelector("td").replaceChildren(el("div", { class: "cnn-state" }, bar, text, clear));
      return { row, bar, text };
    });
    const all = this.asked("Clear all answers", "Clear the answers of all chapters", () => this.clear(this.rows.map(({ row }) => row.dataset.name)));
    this.append(el("div", { class: "cnn-foot" }, this.total, all));
    this.show();
    window.addEventListener("storage", () => this.show()); // answered in another tab
    window.addEventListener("pageshow", () => this.show()); // come back to
  }

  // A button that asks once more: the second is where the focus is, so that Enter and Space answer it.
  asked(text, name, act) {
    const place = el("span", { class: "cnn-asked" });
    const put = (...buttons) => place.replaceChildren(...buttons);
    const first = button(text, () => {
      put(yes, no);
      yes.focus();
    });
    const back = () => {
      put(first);
      first.focus();
    };
    const yes = button("Yes, clear", () => {
      act();
      back();
    });
    const no = button("Keep", back);
    first.setAttribute("aria-label", name);
    yes.setAttribute("aria-label", `Yes: ${name}`);
    put(first);
    return place;
  }

  kept(name) {
    return JSON.parse(localStorage.getItem(`cnnlib-quiz:${name}`)) ?? {};
  }

  clear(names) {
    for (const name of names) localStorage.removeItem(`cnnlib-quiz:${name}`);
    this.show();
  }

  show() {
    let [right, all] = [0, 0];
    try {
      for (const { row, bar, text } of this.rows) {
        const hashes = row.dataset.hashes.split(" ");
        const kept = this.kept(row.dataset.name);
        const answers = hashes.filter((hash) => hash in kept).map((hash) => kept[hash]);
        const good = answers.filter((answer) => answer.right).length;
        bar.value = good;
        text.textContent = `${good} of ${hashes.length} right${answers.length > good ? `, ${answers.length - good} to mend` : ""}`;
        right += good;
        all += hashes.length;
      }
      this.total.textContent = `${right} of ${all} right`;
    } catch {
      // Private windows and sandboxed frames block it; what another program has written there is no score either.
      this.total.textContent = "This browser keeps no answers here, so there is nothing to count. The quizzes work all the same.";
    }
  }
}

if (!customElements.get("cnn-progress")) customElements.define("cnn-progress", Progress);
