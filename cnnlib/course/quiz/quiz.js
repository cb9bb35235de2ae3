// <cnn-quiz>: takes each question's key out of the page that Python wrote, grades, explains, and keeps the answers.
// Kept per chapter under one name, each question by a hash of its content: a changed question is asked anew.

// Answered or cleared in another tab; come back to from another page.
const CHANGES = ["storage", "pageshow"];

class Quiz extends HTMLElement {
  connectedCallback() {
    this.start();
    for (const change of CHANGES) window.addEventListener(change, this);
  }

  disconnectedCallback() {
    for (const change of CHANGES) window.removeEventListener(change, this);
  }

  handleEvent() {
    if (this.questions && !this.forgets) this.show();
  }

  start() {
    const fields = [...this.querySelectorAll("fieldset")];
    if (this.questions || !fields.length) return;
    this.place = `-${[...document.querySelectorAll("cnn-quiz")].indexOf(this)}`; // a notebook may show one quiz twice
    this.key = `cnnlib-quiz:${this.dataset.name}`;
    this.score = el("p", { class: "cnn-score", role: "status" });
    this.questions = fields.map((field) => this.question(field));
    this.append(el("div", { class: "cnn-foot" }, this.score, button("Clear answers", () => this.clear())));
    this.show();
  }

  // What is kept, on the page. A question that is open here and in no other tab stays as it is.
  show() {
    const kept = this.kept();
    for (const question of this.questions) {
      const answer = kept[question.hash]?.answer;
      if (question.fits(answer)) question.restore(answer);
      else if (question.right !== undefined) question.reset();
    }
    this.count();
  }

  // Storage may be blocked (private windows, sandboxed frames): the quiz then works, and forgets. What another program
  // has written there is no answer.
  kept() {
    try {
      const kept = JSON.parse(localStorage.getItem(this.key));
      return kept?.constructor === Object ? kept : {};
    } catch {
      return {};
    }
  }

  // Read again before each write: the chapter may be open in a second tab.
  keep(hash, record) {
    const kept = this.kept();
    if (record) kept[hash] = record;
    else delete kept[hash];
    try {
      localStorage.setItem(this.key, JSON.stringify(kept));
    } catch {
      this.forgets = true; // what is on the page is then all that there is
    }
  }

  clear() {
    for (const question of this.questions) question.forget();
    this.count();
  }

  count() {
    const right = this.questions.filter((question) => question.right).length;
    const open = this.questions.filter((question) => question.right === undefined).length;
    const all = this.questions.length;
    this.score.textContent = `${right} of ${all} right${open && open < all ? `, ${open} not answered yet` : ""}`;
  }

  question(field) {
    const key = field.querySelector(".cnn-key");
    const inputs = [...field.querySelectorAll("input")];
    const { kind } = field.dataset;
    const typed = kind === "numeric" || kind === "predict";
    const list = field.querySelector(".cnn-items");
    const items = list ? [...list.children] : []; // as they were at first
    const verdict = el("p", { class: "cnn-verdict", role: "status" });
    const check = button("Check", () => (question.right === undefined ? question.answer() : question.again()));
    const slot = (before) => {
      const place = el("div", { class: "cnn-feedback", "aria-live": "polite" });
      before.after(place);
      return place;
    };
    const slots = list ? [slot(list)] : inputs.map((input) => slot(input.closest("label")));
    const see = field.querySelector(".cnn-see");
    const explain = (slot, right, text) => {
      slot.classList.add(right ? "cnn-good" : "cnn-bad");
      slot.replaceChildren(el("strong", {}, right ? "✓ " : "✗ "), ...text);
    };
    // The explanations are HTML that Python escaped and wrote; they are moved, not parsed.
    const words = (entry) => [...entry.querySelector(":scope > span").cloneNode(true).childNodes];
    const graders = {
      single: () => {
        const chosen = inputs.findIndex((input) => input.checked);
        const right = key.querySelectorAll("li")[chosen].dataset.correct === "true";
        explain(slots[chosen], right, words(key.querySelectorAll("li")[chosen]));
        return [right, right ? "Right." : "Not this one."];
      },
      multiple: () => {
        const wrong = [...key.querySelectorAll("li")].filter((entry, i) => {
          const correct = entry.dataset.correct === "true";
          const right = inputs[i].checked === correct;
          explain(slots[i], right, [`${right ? "Right," : "Not so:"} this is ${correct ? "true" : "false"}. `, ...words(entry)]);
          return !right;
        }).length;
        return [!wrong, wrong ? `Not yet: ${inputs.length - wrong} of ${inputs.length} statements are judged right.` : "Right, all of them."];
      },
      ordering: () => {
        const order = [...list.children];
        const placed = order.filter((item, i) => {
          const right = Number(item.dataset.place) === i;
          item.classList.add(right ? "cnn-good" : "cnn-bad");
          item.querySelector(".cnn-mark").textContent = right ? "✓ in its place" : "✗ not here";
          return right;
        }).length;
        const right = placed === order.length;
        explain(slots[0], right, right ? words(key.querySelector("p")) : ["Those marked ✗ stand elsewhere. The section linked below has what you need."]);
        return [right, right ? "Right." : `Not yet: ${placed} of ${order.length} are in their place.`];
      },
      numeric: () => {
        const value = number(inputs[0].value, key.dataset.unit);
        const off = (target) => Math.abs(value - target) - Number(key.dataset.tolerance);
        const right = off(Number(key.dataset.answer)) <= 1e-9;
        const typical = [...key.querySelectorAll("li")].find((entry) => off(Number(entry.dataset.value)) <= 1e-9);
        explain(slots[0], right, right ? words(key.querySelector("p")) : typical ? words(typical)
          : ["That is not it. The section linked below has what you need."]);
        return [right, right ? "Right." : "Not yet."];
      },
      predict: () => {
        see.hidden = false;
        return graders.numeric();
      },
    };

    // Where an item stands is moved by buttons, which a keyboard and a finger can press; the focus goes with it.
    const move = (item, by) => {
      const order = [...list.children];
      const to = order.indexOf(item) + by;
      if (by < 0) order[to].before(item);
      else order[to].after(item);
      turnable();
      const [up, down] = item.querySelectorAll("button");
      (by < 0 ? (up.disabled ? down : up) : down.disabled ? up : down).focus();
      field.dispatchEvent(new Event("input"));
      verdict.textContent = `${item.querySelector("span").textContent}: now ${to + 1} of ${order.length}.`;
    };
    const turnable = () => [...list.children].forEach((item, i, { length }) => {
      const [up, down] = item.querySelectorAll("button");
      up.disabled = i === 0;
      down.disabled = i === length - 1;
    });
    for (const item of items) {
      const text = item.querySelector("span").textContent;
      const [up, down] = [["↑", "up", -1], ["↓", "down", 1]].map(([sign, way, by]) => {
        const made = button(sign, () => move(item, by));
        made.setAttribute("aria-label", `Move ${way}: ${text}`);
        return made;
      });
      item.append(el("span", { class: "cnn-mark" }), el("span", { class: "cnn-turn" }, up, down));
    }
    if (list) turnable();
    const arrange = (places) => list.append(...places.map((place) => items.find((item) => Number(item.dataset.place) === place)));

    const question = {
      hash: field.dataset.hash,
      right: undefined,
      given: () => (typed ? inputs[0].value : list ? [...list.children].map((item) => Number(item.dataset.place)) : inputs.flatMap((input, i) => (input.checked ? [i] : []))),
      grade() {
        const [right, text] = graders[kind]();
        this.right = right;
        verdict.className = `cnn-verdict ${right ? "cnn-good" : "cnn-bad"}`;
        verdict.textContent = text;
        check.textContent = "Try again";
      },
      answer: () => {
        const text = typed ? inputs[0].value.trim() : "";
        const unanswered = typed ? Number.isNaN(number(text, key.dataset.unit)) : kind === "single" && !question.given().length;
        if (unanswered) {
          verdict.textContent = !typed ? "Choose an answer first." : text ? "Type a number, such as 1,500 or 1.5 k." : "Type a number first.";
          return;
        }
        question.grade();
        this.keep(question.hash, { answer: question.given(), right: question.right });
        this.count();
      },
      // A new try, with the old answer still there to be changed.
      again: () => {
        question.unmark();
        this.keep(question.hash, null);
        this.count();
        (inputs.find((input) => input.checked) ?? inputs[0] ?? list.querySelector("button:enabled")).focus();
      },
      unmark() {
        this.right = undefined;
        for (const slot of [verdict, ...slots]) {
          slot.classList.remove("cnn-good", "cnn-bad");
          slot.replaceChildren();
        }
        for (const item of items) {
          item.classList.remove("cnn-good", "cnn-bad");
          item.querySelector(".cnn-mark").textContent = "";
        }
        if (see) see.hidden = true; // a prediction comes before the picture
        check.textContent = "Check";
      },
      forget: () => {
        question.reset();
        this.keep(question.hash, null);
      },
      reset() {
        this.unmark();
        for (const input of inputs) {
          if (typed) input.value = "";
          else input.checked = false;
        }
        if (list) {
          list.append(...items);
          turnable();
        }
      },
      // Whether an answer that was kept can be given to this question.
      fits(answer) {
        if (typed) return typeof answer === "string" && !Number.isNaN(number(answer, key.dataset.unit));
        const all = (list ? items : inputs).length;
        return Array.isArray(answer) && new Set(answer).size === answer.length
          && answer.every((i) => Number.isInteger(i) && i >= 0 && i < all)
          && (kind === "multiple" || answer.length === (list ? all : 1));
      },
      restore(answer) {
        if (this.right !== undefined && String(this.given()) === String(answer)) return; // said already
        this.unmark();
        if (typed) inputs[0].value = answer;
        else if (list) arrange(answer), turnable();
        else inputs.forEach((input, i) => (input.checked = answer.includes(i)));
        this.grade();
      },
    };

    key.remove();
    // No <form>: a sandboxed frame may block its submission. So Enter is heard here, and radio groups get their own names.
    for (const input of inputs) {
      input.name += this.place;
      input.addEventListener("keydown", (event) => {
        if (event.key === "Enter" && question.right === undefined) question.answer();
      });
    }
    field.addEventListener("input", () => {
      if (question.right === undefined) return;
      question.unmark(); // a changed answer is not graded until it is checked
      this.keep(question.hash, null);
      this.count();
    });
    if (see) {
      see.hidden = true;
      // In a notebook the address is not ours: the words say which knobs to turn.
      if (!onPage()) see.querySelector("a").replaceWith("turn the knobs");
    }
    const back = field.querySelector(".cnn-back");
    back.hidden = !document.getElementById(back.querySelector("a").hash.slice(1)); // in Colab a cell cannot reach the section
    field.querySelector(".cnn-see, .cnn-hint, .cnn-back").before(el("div", { class: "cnn-check" }, check, verdict));
    return question;
  }
}

// "53 120", "53,120" and "53120" are one number; a comma that does not part thousands is a decimal comma ("0,125"). The
// unit may be typed too, and k, M or G for a thousand, a million or a milliard. NaN for all else.
const NUMBER = /^([+−-]?)(?:([1-9]\d{0,2}(?:([\s_',])\d{3})(?:\3\d{3})*)|(\d*))(?:([.,])(\d*))?(?:[eE]([+−-]?\d{1,3}))?\s*([kKMG]?)$/;
function number(text, unit = "") {
  let plain = text.trim();
  if (unit && plain.toLowerCase().endsWith(unit.toLowerCase())) plain = plain.slice(0, -unit.length).trim();
  const found = NUMBER.exec(plain);
  if (!found) return NaN;
  const [, sign, grouped, parting, digits, mark, decimals = "", power = "0", suffix] = found;
  const whole = grouped?.replace(/\D/g, "") ?? digits;
  if (!whole && !decimals || parting === "," && mark === ",") return NaN;
  const size = Number(`${whole}.${decimals}e${power.replace("−", "-")}`) * ({ k: 1e3, K: 1e3, M: 1e6, G: 1e9 }[suffix] ?? 1);
  return Number.isFinite(size) ? (sign && sign !== "+" ? -size : size) : NaN;
}

if (!customElements.get("cnn-quiz")) customElements.define("cnn-quiz", Quiz);
