// Shared by every element. Nodes are built, never parsed from strings: a label cannot become markup.
const fill = (node, attributes, children) => {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat());
  return node;
};
const el = (tag, attributes = {}, ...children) => fill(document.createElement(tag), attributes, children);
const svg = (tag, attributes = {}, ...children) =>
  fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
const button = (text, onclick) => {
  const node = el("button", { type: "button", class: "cnn-button" }, text);
  node.addEventListener("click", onclick);
  return node;
};

// 853018 as "853 018", or short as "853 K".
const exact = (n) => String(n).replace(/\B(?=(\d{3})+$)/g, ",");
const compact = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 });
const short = (n) => compact.format(n).replace("B", "G").replace(/(?=[KMGT])/, "\u202f");
const bytes = (n) => `${short(n)}${n < 1000 ? "\u202f" : ""}B`;

// The built book has this article; notebooks do not. Only there is the address ours to write.
const onPage = () => document.querySelector("article.bd-article") !== null;
