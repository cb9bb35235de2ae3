"""axe on a page: what it finds that is serious, with each look of text tried where it stands and not each of its uses."""

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

# Nine tenths of axe's time go into contrast, for which it looks at each piece of text alone: 5000 in a chapter, which
# have some 80 looks. A look is all that axe reads: colour, size and weight of the text, and what its ancestors paint
# behind it. Three elements of each look are marked, the first, the middle and the last, and axe gets those; where
# something is taken out of the flow, its class belongs to the look, as it may stand above another ground. A control is
# alike to those of its kind.
MARK = """() => {
  const nothing = "rgba(0, 0, 0, 0),none,1,none,normal,auto,none";
  const grounds = new Map([[null, ""]]);
  const ground = (element) => {
    if (!grounds.has(element)) {
      const style = getComputedStyle(element);
      const painted = [style.backgroundColor, style.backgroundImage, style.opacity, style.filter, style.mixBlendMode,
        style.clip, style.clipPath].join();
      const apart = /absolute|fixed|sticky/.test(style.position) || element.localName === "svg";
      const own = (painted === nothing ? "" : painted) + (apart ? element.localName + element.classList : "");
      grounds.set(element, ground(element.parentElement) + (own && `|${own}`));
    }
    return grounds.get(element);
  };
  const looks = new Map();
  for (const element of document.querySelectorAll("body, body *")) {
    const control = element.matches("input, select, textarea, button");
    const words = [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
    if (!(control || words) || !element.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue;
    const style = getComputedStyle(element);
    const kind = control ? [element.localName, element.type, element.disabled] : [];
    const look = [...kind, style.color, style.fontSize, style.fontWeight, style.textShadow, ground(element)].join();
    looks.set(look, [...(looks.get(look) ?? []), element]);
  }
  for (const alike of looks.values())
    for (const at of [0, alike.length >> 1, alike.length - 1]) alike[at].dataset.look = "";
}"""
RUN = """async (rules) => {
  axe.configure({ rules: [{ id: "color-contrast", selector: "[data-look]" }] });
  // Preloading would fetch style sheets once more, which file:// forbids; only the rule on locked orientation needs it.
  const options = { preload: false, resultTypes: ["violations"] };
  if (rules) options.runOnly = { type: "rule", values: rules };
  return (await axe.run(options)).violations;
}"""


def violations(page: Page, *rules: str) -> list[str]:
    """What axe finds on a page as it now stands, each as "impact, rule: help: where"; `rules` alone where any are named."""
    page.evaluate(MARK)
    page.evaluate(AXE_SCRIPT)
    return [
        f"{found['impact']}, {found['id']}: {found['help']}: {[node['target'] for node in found['nodes']]}"
        for found in page.evaluate(RUN, list(rules) or None)
    ]


def grave(page: Page, *rules: str) -> list[str]:
    """Those of the violations that axe calls serious or critical."""
    return [found for found in violations(page, *rules) if found.startswith(("serious", "critical"))]
