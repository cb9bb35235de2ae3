"""The book's colours, for light and dark: they are written down here alone.

Based on Okabe and Ito's colour-blind-safe set (https://jfly.uni-koeln.de/color/). Some hues are darkened on light and
lightened on dark, so that text has a contrast of at least 4.5 and marks of at least 3 on `surface` (a test measures
both). A colour stands for the same kind of operation everywhere: in the explorers' pictures, in diagrams and in figures.

The CSS of every output takes these as custom properties (`conv` becomes `--cnn-conv`); figures take `LIGHT["conv"]`.
"""

TEXT = ("text", "muted", "accent", "good", "bad")  # legible as text on surface and on sunken
MARKS = ("conv", "linear", "pool", "activation", "norm", "join")  # a colour for each kind of operation

LIGHT = {
    "surface": "#ffffff",
    "sunken": "#f3f6f8",
    "line": "#cdd5dc",
    "text": "#1b2733",
    "muted": "#52606d",
    "accent": "#00609b",
    "good": "#00704f",
    "bad": "#a84300",
    "conv": "#0072b2",
    "linear": "#d55e00",
    "pool": "#009670",
    "activation": "#b8608f",
    "norm": "#74808b",
    "join": "#a87400",
}
DARK = {
    "surface": "#1a2027",
    "sunken": "#242c35",
    "line": "#44505c",
    "text": "#e7ecf1",
    "muted": "#abb7c2",
    "accent": "#74c3f5",
    "good": "#4fd3a9",
    "bad": "#ffa06b",
    "conv": "#56b4e9",
    "linear": "#f08a4b",
    "pool": "#3ccba0",
    "activation": "#e39ac4",
    "norm": "#98a5b1",
    "join": "#f0b429",
}

# These say "dark": the built book, Colab's output frame, JupyterLab; where none of them speaks, the reader's system.
DARK_HOSTS = ('html[data-theme="dark"]', 'html[theme="dark"]', 'body[data-jp-theme-light="false"]')
NO_HOST = "html:not([data-theme], [theme]) body:not([data-jp-theme-light])"


def themed(selector: str) -> str:
    """CSS that sets the colours as custom properties on the elements of `selector`: dark where their page is dark."""
    light, dark = (
        f"{';'.join(f'--cnn-{name}:{value}' for name, value in colours.items())};color-scheme:{scheme}"
        for colours, scheme in ((LIGHT, "light"), (DARK, "dark"))
    )
    hosts = ",".join(f"{host} {selector}" for host in DARK_HOSTS)
    return f"{selector}{{{light}}}\n{hosts}{{{dark}}}\n@media (prefers-color-scheme:dark){{{NO_HOST} {selector}{{{dark}}}}}"
