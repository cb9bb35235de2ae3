"use strict";

// The search page. `searchIndex` (search_index.js) has every section, explorer and API entry with its text; nothing is
// fetched, so it finds the same from a server and from the disk.

// What is typed, as words: "61 706" is one number, a plural finds its singular too.
function tokens(query) {
  const joined = query.toLowerCase().replace(/(\d)[ ,\u00a0\u202f](?=\d{3}(?!\d))/g, "$1");
  return (joined.match(/[\p{L}\p{N}_.×]+(-[\p{L}\p{N}_.×]+)*/gu) ?? []).filter((word) => /[\p{L}\p{N}]/u.test(word));
}

// A word as a pattern over the text: numbers may be grouped, "ResNet-50", "ResNet 50" and "resnet50" are one name, × is x.
function pattern(token) {
  const stem = /\p{L}{4,}[^s]s$/u.test(token) ? token.slice(0, -1) : token;
  const signs = [...stem.replace(/[.]+$/, "")];
  const body = signs.map((sign, i) => {
    const next = signs[i + 1] ?? "";
    if (sign === "-") return "[-\\u2010\\u2011\\s]?";
    if (sign === "×" || (sign === "x" && /\d/.test(signs[i - 1]) && /\d/.test(next))) return "\\s*[×x]\\s*";
    const after = /\d/.test(sign) && /\d/.test(next) ? "[,\\u00a0\\u202f ]?" : /\p{L}/u.test(sign) && /\d/.test(next) ? "[-\\u2010\\u2011\\s]?" : "";
    return sign.replace(/[.*+?^${}()|[\]\\]/g, "\\$&") + after;
  }).join("");
  const end = /\d$/.test(stem) ? "(?![\\d×])" : "";
  return `(?<![\\p{L}\\p{N}])${body}${end}`;
}

// A heading says what a place is about, so one word there counts more than many in the text. The name of an API entry
// is one only for who types code: "degradation" is looked for by who wants to read of it, `create_model` is not. A claim
// of the ledger stands in its heading, whole: it counts as text, unless who searches types several of its words.
function find(query) {
  const words = tokens(query);
  const patterns = words.map(pattern);
  const each = patterns.map((one) => new RegExp(one, "giu"));
  const phrase = new RegExp(patterns.join("[\\W_]*?"), "iu");
  const code = /[_.()]|\p{Ll}\p{Lu}/u.test(query);
  const has = (text, one) => (one.lastIndex = 0, one.test(text));
  const results = [];
  searchIndex.places.forEach(([page, heading, anchor, kind, text], order) => {
    const [title, address] = searchIndex.pages[page];
    if (!each.every((one) => has(heading, one) || has(text, one) || has(title, one))) return;
    if (!each.some((one) => has(heading, one) || has(text, one))) return;
    const names = kind === "claim" ? words.length > 2 : kind !== "API" || code;
    let score = 0;
    for (const one of each) {
      score += names && has(heading, one) ? 30 : 0;
      score += has(title, one) ? 8 : 0;
      score += Math.min(text.match(one)?.length ?? 0, 5);
    }
    if (names && phrase.test(heading)) score += 40;
    if (phrase.test(text)) score += 10;
    if (!anchor && phrase.test(title)) score += 20; // the page that is named so
    results.push({ title, heading, kind, text, score, order, href: address + (anchor ? `#${anchor}` : "") });
  });
  results.sort((a, b) => b.score - a.score || a.order - b.order);
  return { words, each, phrase, results };
}

const make = (tag, options = {}, ...children) => {
  const node = Object.assign(document.createElement(tag), options);
  node.append(...children);
  return node;
};

// The text around the first place that says it, with what was sought marked.
function excerpt({ text }, { each, phrase }) {
  const first = text.search(phrase);
  const hits = each.map((one) => text.search(new RegExp(one.source, "iu"))).filter((at) => at >= 0);
  const at = first >= 0 ? first : hits.length ? Math.min(...hits) : 0;
  const from = at < 90 ? 0 : text.indexOf(" ", at - 80) + 1;
  const end = text.length - from <= 230 ? text.length : text.lastIndexOf(" ", from + 220);
  const shown = text.slice(from, end);
  const parts = [from ? "… " : ""];
  let done = 0;
  for (const match of shown.matchAll(new RegExp(each.map((one) => one.source).join("|"), "giu"))) {
    parts.push(shown.slice(done, match.index), make("mark", { textContent: match[0] }));
    done = match.index + match[0].length;
  }
  return make("p", {}, ...parts, shown.slice(done), end < text.length ? " …" : "");
}

const MOST = 60;
const output = document.getElementById("search-results");
const status = make("p", { role: "status", className: "search-status" });
const list = make("ol", { className: "search-list" });
output.append(status, list);

function show(query) {
  list.replaceChildren();
  const found = find(query);
  const { words, each, results } = found;
  if (!words.length) {
    status.textContent = query.trim() ? "Type a word, a number or a network's name." : "";
    return;
  }
  for (const result of results.slice(0, MOST)) {
    const where = result.heading === result.title || !result.heading ? result.title : `${result.title} › ${result.heading}`;
    const kind = result.kind ? make("span", { className: "search-kind", textContent: result.kind }) : "";
    list.append(make("li", {}, make("a", { href: result.href, textContent: where }), " ", kind, excerpt(result, found)));
  }
  const count = results.length;
  if (count) {
    status.textContent = `${count} ${count === 1 ? "place" : "places"}${count > MOST ? `, the first ${MOST} are shown` : ""}.`;
    return;
  }
  const everything = searchIndex.places.map(([, heading, , , text]) => `${heading} ${text}`).join(" ");
  const unknown = words.filter((_, i) => !new RegExp(each[i].source, "iu").test(everything));
  status.textContent = unknown.length
    ? `The book does not have ${unknown.map((word) => `“${word}”`).join(" or ")}. Try another word for it, or a network's name.`
    : "No section has all of these words. Try fewer of them.";
}

const field = document.querySelector(".bd-search-container input[name='q']") ?? document.querySelector("input[name='q']");
field.value = new URLSearchParams(location.search).get("q") ?? "";
show(field.value);
field.addEventListener("input", () => {
  history.replaceState(null, "", `?${new URLSearchParams({ q: field.value })}`);
  show(field.value);
});
field.form.addEventListener("submit", (event) => event.preventDefault()); // the results stand there already

// Down from the field into the results, up and down between them, and up into the field again.
document.addEventListener("keydown", (event) => {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const stops = [field, ...list.querySelectorAll("a")];
  const at = stops.indexOf(document.activeElement);
  if (!step || at < 0 || !stops[at + step]) return;
  event.preventDefault();
  stops[at + step].focus();
});
