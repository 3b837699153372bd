"""What the site needs beyond Sphinx: formulas without a script, solutions out of the search, settings with reasons."""

import collections
import dataclasses

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.domains.python import PyObject
from sphinx.transforms import SphinxTransform
from sphinx.writers.html5 import HTML5Translator

FOLDED = '<details class="solution">'
"""Begins a solution in a page; everything from there to the page's end belongs to it."""


def formula(translator: HTML5Translator, node: nodes.Element) -> None:
    """Writes a formula as MathML, which browsers draw by themselves; Sphinx's own ways load a script from elsewhere."""
    block = isinstance(node, nodes.math_block)
    written = tex2mathml(node.astext(), as_block=block)
    translator.body.append(f'<div class="math">{written}</div>' if block else written)
    raise nodes.SkipNode


class KeepOutOfSearch(SphinxTransform):
    """Puts a folded solution into a container that Sphinx's search passes over, so that it gives no answer away."""

    default_priority = 500

    def apply(self, **kwargs) -> None:
        """Wraps the siblings between the solution's first line and its last."""
        for first in list(self.document.findall(nodes.raw)):
            if first.astext().startswith(FOLDED):
                place, parent = first.parent.index(first), first.parent
                inside = parent[place + 1 : -1]
                del parent[place + 1 : -1]
                parent.insert(place + 1, nodes.container("", *inside, classes=["no-search"]))


def settings_with_reasons(app: Sphinx, what: str, name: str, value: object, options: object, lines: list[str]) -> None:
    """Adds to a class of settings what each means, which its fields know."""
    if what != "class" or not dataclasses.is_dataclass(value):
        return
    fields = [field for field in dataclasses.fields(value) if "help" in field.metadata]
    if fields:
        lines += ["", "Attributes:"]
        for field in fields:
            kind = getattr(field.type, "__name__", field.type)
            lines.append(f"    {field.name} ({kind}): {field.metadata['help']} (default: {field.default!r}).")


def skipped(app: Sphinx, what: str, name: str, value: object, skip: bool, options: object) -> bool | None:
    """Fields of named tuples are told in their class's docstring."""
    return True if isinstance(value, collections._tuplegetter) else None


def setup(app: Sphinx) -> dict[str, bool]:
    """Registers all of it."""
    app.add_html_math_renderer("mathml", (formula, None), (formula, None))
    app.add_transform(KeepOutOfSearch)
    app.connect("autodoc-process-docstring", settings_with_reasons, priority=400)  # before napoleon reads them
    app.connect("autodoc-skip-member", skipped)
    for field in PyObject.doc_field_types:
        if field.name == "variable":  # how napoleon tells attributes without listing them twice
            field.label = "Attributes"
    return {"parallel_read_safe": True, "parallel_write_safe": True}
