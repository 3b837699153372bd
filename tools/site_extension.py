"""The site's Sphinx extension: formulas without scripts, solutions hidden from the search, help texts of settings."""

import collections
import dataclasses

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.domains.python import PyObject
from sphinx.transforms import SphinxTransform
from sphinx.writers.html5 import HTML5Translator

FOLDED = '<details class="solution">'
"""The beginning of a solution, which extends to the end of the page."""


def formula(translator: HTML5Translator, node: nodes.Element) -> None:
    """Writes a formula as MathML, which browsers support; Sphinx's methods load scripts from other sites."""
    block = isinstance(node, nodes.math_block)
    written = tex2mathml(node.astext(), as_block=block)
    translator.body.append(f'<div class="math">{written}</div>' if block else written)
    raise nodes.SkipNode


class KeepOutOfSearch(SphinxTransform):
    """Wraps a folded solution in a container that Sphinx's search ignores, so that it reveals no answers."""

    default_priority = 500

    def apply(self, **kwargs) -> None:
        """Wraps the nodes between the first and the last line of a solution."""
        for first in list(self.document.findall(nodes.raw)):
            if first.astext().startswith(FOLDED):
                place, parent = first.parent.index(first), first.parent
                inside = parent[place + 1 : -1]
                del parent[place + 1 : -1]
                parent.insert(place + 1, nodes.container("", *inside, classes=["no-search"]))


def add_help_texts(app: Sphinx, what: str, name: str, value: object, options: object, lines: list[str]) -> None:
    """Adds the help texts of all settings to the docstring of a config class."""
    if what != "class" or not dataclasses.is_dataclass(value):
        return
    fields = [field for field in dataclasses.fields(value) if "help" in field.metadata]
    if fields:
        lines += ["", "Attributes:"]
        for field in fields:
            kind = getattr(field.type, "__name__", field.type)
            lines.append(f"    {field.name} ({kind}): {field.metadata['help']} (default: {field.default!r}).")


def skipped(app: Sphinx, what: str, name: str, value: object, skip: bool, options: object) -> bool | None:
    """Skips fields of named tuples, which the docstring of the class describes."""
    return True if isinstance(value, collections._tuplegetter) else None


def setup(app: Sphinx) -> dict[str, bool]:
    """Registers the extension."""
    app.add_html_math_renderer("mathml", (formula, None), (formula, None))
    app.add_transform(KeepOutOfSearch)
    app.connect("autodoc-process-docstring", add_help_texts, priority=400)  # before napoleon reads them
    app.connect("autodoc-skip-member", skipped)
    for field in PyObject.doc_field_types:
        if field.name == "variable":  # napoleon's type of attributes
            field.label = "Attributes"
    return {"parallel_read_safe": True, "parallel_write_safe": True}
