// <cnn-ledger>: the claims, filtered by chapter, verdict and words. Without this script all of them are shown.
const plain = (text) =>
  text
    .toLowerCase()
    .replace(/(\d),(?=\d{3})/g, "$1") // 60,000 is found as 60000 too
    .replace(/×/g, "x")
    .replace(/\s+/g, " ");

class Ledger extends HTMLElement {
  connectedCallback() {
    this.start();
  }

  start() {
    const tables = [...this.querySelectorAll("table[data-chapter]")];
    if (this.tables || !tables.length) return;
    this.tables = tables.map((table) => ({
      table,
      rows: [...table.tBodies[0].rows].map((row) => ({ row, text: plain(row.textContent) })),
    }));
    const chapters = tables.map((table) => [table.dataset.chapter, table.caption.textContent]);
    const verdicts = [...new Set([...this.querySelectorAll("tr[data-verdict]")].map((row) => row.dataset.verdict))];
    this.chapter = this.menu("All chapters", chapters);
    this.verdict = this.menu("All verdicts", verdicts.map((verdict) => [verdict, verdict]));
    this.words = el("input", { type: "search", autocomplete: "off", spellcheck: "false", "data-lm-suppress-shortcuts": "true" });
    this.words.addEventListener("input", () => this.show());
    this.count = el("p", { class: "cnn-found", role: "status" });
    const field = (name, input) => el("label", {}, el("span", {}, name), input);
    this.prepend(
      el(
        "div",
        { class: "cnn-filter", role: "search", "aria-label": "Filter the claims" },
        field("Chapter", this.chapter),
        field("Verdict", this.verdict),
        field("Words", this.words),
        button("Show all", () => this.clear()),
      ),
      this.count,
    );
    window.addEventListener("hashchange", () => this.follow());
    this.show();
    this.follow();
  }

  menu(all, entries) {
    const options = [["", all], ...entries].map(([value, text]) => el("option", { value }, text));
    const select = el("select", { "data-lm-suppress-shortcuts": "true" }, options);
    select.addEventListener("change", () => this.show());
    return select;
  }

  clear() {
    for (const input of [this.chapter, this.verdict, this.words]) input.value = "";
    this.show();
  }

  show() {
    const words = plain(this.words.value).split(" ").filter(Boolean);
    let [found, all] = [0, 0];
    for (const { table, rows } of this.tables) {
      const here = !this.chapter.value || this.chapter.value === table.dataset.chapter;
      let some = false;
      for (const { row, text } of rows) {
        const fits = here && (!this.verdict.value || this.verdict.value === row.dataset.verdict);
        row.hidden = !(fits && words.every((word) => text.includes(word)));
        some ||= !row.hidden;
        found += !row.hidden;
        all += 1;
      }
      table.hidden = !some;
    }
    this.count.textContent = found ? `${found} of ${all} claims` : `None of ${all} claims. Take a word away, or show all.`;
  }

  // A link to a claim that the filter hides brings it back.
  follow() {
    const row = this.querySelector(`tr[id="${CSS.escape(location.hash.slice(1))}"]`);
    if (!row) return;
    if (row.hidden) this.clear();
    row.scrollIntoView();
  }
}

if (!customElements.get("cnn-ledger")) customElements.define("cnn-ledger", Ledger);
