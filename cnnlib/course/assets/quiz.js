// <cnn-quiz>: takes each question's key out of the page that Python wrote, grades, explains, and keeps the answers.
// Kept per chapter under one name, each question by a hash of its content: a changed question is asked anew.
class Quiz extends HTMLElement {
  connectedCallback() {
    this.start();
  }

  start() {
    const fields = [...this.querySelectorAll("fieldset")];
    if (this.questions || !fields.length) return;
    this.place = `-${[...document.querySelectorAll("cnn-quiz")].indexOf(this)}`; // a notebook may show one quiz twice
    this.key = `cnnlib-quiz:${this.dataset.name}`;
    this.score = el("p", { class: "cnn-score", role: "status" });
    this.questions = fields.map((field) => this.question(field));
    this.append(el("div", { class: "cnn-foot" }, this.score, button("Clear answers", () => this.clear())));
    const kept = this.kept();
    for (const question of this.questions) {
      if (question.hash in kept) question.restore(kept[question.hash].answer);
    }
    this.count();
  }

  // Storage may be blocked (private windows, sandboxed frames): the quiz then works, and forgets.
  kept() {
    try {
      return JSON.parse(localStorage.getItem(this.key)) ?? {};
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
      // As above.
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
    const numeric = field.dataset.kind === "numeric";
    const verdict = el("p", { class: "cnn-verdict", role: "status" });
    const check = button("Check", () => (question.right === undefined ? question.answer() : question.again()));
    const slots = inputs.map((input) => {
      const slot = el("div", { class: "cnn-feedback", "aria-live": "polite" });
      input.closest("label").after(slot);
      return slot;
    });
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
      numeric: () => {
        const value = number(inputs[0].value);
        const off = (target) => Math.abs(value - target) - Number(key.dataset.tolerance);
        const right = off(Number(key.dataset.answer)) <= 1e-9;
        const typical = [...key.querySelectorAll("li")].find((entry) => off(Number(entry.dataset.value)) <= 1e-9);
        explain(slots[0], right, right ? words(key.querySelector("p")) : typical ? words(typical)
          : ["That is not it. The section linked below has what you need."]);
        return [right, right ? "Right." : "Not yet."];
      },
    };

    const question = {
      hash: field.dataset.hash,
      right: undefined,
      given: () => (numeric ? inputs[0].value : inputs.flatMap((input, i) => (input.checked ? [i] : []))),
      grade() {
        const [right, text] = graders[field.dataset.kind]();
        this.right = right;
        verdict.className = `cnn-verdict ${right ? "cnn-good" : "cnn-bad"}`;
        verdict.textContent = text;
        check.textContent = "Try again";
      },
      answer: () => {
        const unanswered = numeric ? Number.isNaN(number(inputs[0].value)) : field.dataset.kind === "single" && !question.given().length;
        if (unanswered) {
          verdict.textContent = numeric ? "Type a number first." : "Choose an answer first.";
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
        (inputs.find((input) => input.checked) ?? inputs[0]).focus();
      },
      unmark() {
        this.right = undefined;
        for (const slot of [verdict, ...slots]) {
          slot.classList.remove("cnn-good", "cnn-bad");
          slot.replaceChildren();
        }
        check.textContent = "Check";
      },
      forget: () => {
        question.unmark();
        this.keep(question.hash, null);
        for (const input of inputs) {
          if (numeric) input.value = "";
          else input.checked = false;
        }
      },
      restore(answer) {
        if (numeric) inputs[0].value = answer;
        else answer.forEach((i) => (inputs[i].checked = true));
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
    const back = field.querySelector(".cnn-back");
    back.hidden = !document.getElementById(back.querySelector("a").hash.slice(1)); // in Colab a cell cannot reach the section
    field.querySelector(".cnn-hint, .cnn-back").before(el("div", { class: "cnn-check" }, check, verdict));
    return question;
  }
}

// "53 120", "53,120" and "53120" are one number; a comma that does not part thousands is a decimal comma.
function number(text) {
  const plain = text.replace(/[\s_']/g, "").replace(/,(?=\d{3}(\D|$))/g, "").replace(",", ".").replace("−", "-");
  return plain === "" ? NaN : Number(plain);
}

if (!customElements.get("cnn-quiz")) customElements.define("cnn-quiz", Quiz);
