"""Formulas become HTML and MathML while the book is built: KaTeX inside Python, so that no reader loads a script."""

import json
from functools import cache
from pathlib import Path

import sphinxcontrib.katex as katex
from py_mini_racer import MiniRacer
from sphinx.application import Sphinx


class Renderer:
    """Stands in for the Node process that sphinxcontrib-katex would start: same requests, same answers."""

    def __init__(self) -> None:
        self.engine = MiniRacer()
        self.engine.eval(Path(katex.__file__).with_name("katex.min.js").read_text(encoding="utf-8"))

    def render(self, request: dict, timeout: float) -> dict:
        """The formula's HTML, or what KaTeX has against it (which fails the build and names the formula)."""
        latex, options = json.dumps(request["latex"]), json.dumps(request["katex_options"])
        answer = self.engine.eval(
            f"""(() => {{
                try {{ return JSON.stringify({{html: katex.renderToString({latex}, {options})}}) }}
                catch (error) {{ return JSON.stringify({{error: error.message + " in the formula " + {latex}}}) }}
            }})()"""
        )  # without the timeout, which the engine refuses where an event loop runs; KaTeX itself always ends
        return json.loads(answer)


def setup(app: Sphinx) -> None:
    """Render in this process; a formula that KaTeX cannot read is an error and not red text."""
    katex.KATEX_DEFAULT_OPTIONS = {"throwOnError": True, "strict": "ignore"}
    katex.KaTeXServer.get = cache(Renderer)
