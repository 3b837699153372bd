"""A student's feedback page: one HTML file without scripts that needs no network, in light and dark."""

import html
import re
from pathlib import Path
from typing import Any

from docutils.utils.math.latex2mathml import tex2mathml
from jinja2 import pass_context
from nbconvert.exporters import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbformat import NotebookNode
from pygments.formatters import HtmlFormatter

from cifarlab.teaching.grading import feedback_summary
from cifarlab.teaching.grading.advice import without_ids
from cifarlab.teaching.sandbox.nbgrader_cells import is_test
from cifarlab.text import inline_code

TEMPLATES = Path(__file__).parent / "templates"
MAX_FORMULA_CHARS = 2000
"""A longer formula is shown as its source: converting it could take long."""


class FeedbackExporter(HTMLExporter):
    """Renders a graded notebook with a summary; nbgrader passes it the notebook with points and comments."""

    template_name = "cifarlab_feedback"  # type: ignore[assignment]
    extra_template_basedirs = [str(TEMPLATES)]  # type: ignore[assignment]  # noqa: RUF012

    exclude_output_prompt = True  # type: ignore[assignment]

    def _preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        notebook, resources = super()._preprocess(nb, resources)
        facts = resources.get("cifarlab", {})
        released = facts.get("released", {})
        tasks = feedback_summary.summarize(notebook.cells, facts.get("pending", ()))
        for place, cell in enumerate(notebook.cells):
            if cell.cell_type == "markdown":  # a text that was only repaired is the instructor's, with its folded hints
                cell.source = released.get(comparable(cell.source), cell.source)
            if is_test(cell):
                cell.source = re.sub(r"^(import|from) .*\n(?=[^#\n])", "", cell.source)
            cell.metadata["anchor"] = feedback_summary.anchor(place)
            known = cell.metadata.setdefault("nbgrader", NotebookNode())
            if known.get("comment"):
                known["comment"] = without_ids(known["comment"])  # the check below says it in words
        notes = notebook.metadata.get("cifarlab", {})
        if notes and notebook.cells and notebook.cells[0].source.startswith("**From the grader:**"):
            del notebook.cells[0]  # the summary says the same
        title = _take_title(notebook)
        resources["cifarlab"] = {
            **facts,
            "tasks": tasks,
            "checks": {check.anchor: check for task in tasks for check in task.checks},
            "states": feedback_summary.STATES,
            "title": title,
            "notices": feedback_summary.notices(tasks, notes),
            "unanswered": feedback_summary.is_unanswered(tasks),
            "hidden_points": sum(check.most for task in tasks for check in task.checks if check.hidden),
            "code_light": HtmlFormatter(style="default").get_style_defs(".highlight"),
            "code_dark": HtmlFormatter(style="github-dark").get_style_defs(".highlight"),
        }
        return notebook, resources

    def default_filters(self) -> Any:
        """Adds the filter for advice."""
        yield from super().default_filters()
        yield ("inline_code", inline_code)

    @pass_context
    def markdown2html(self, context: Any, source: str) -> str:
        """Renders Markdown, with formulas as MathML, which browsers draw without a script."""
        cell = context.get("cell", {})
        renderer = _Renderer(escape=False, attachments=cell.get("attachments", {}), exclude_anchor_links=True)
        return MarkdownWithMath(renderer=renderer).render(source)


class _Renderer(IPythonRenderer):
    def block_math(self, body: str) -> str:
        return formula(body, block=True)

    def inline_math(self, body: str) -> str:
        return formula(body)

    def latex_environment(self, name: str, body: str) -> str:
        return formula(f"\\begin{{{name}}}{body}\\end{{{name}}}", block=True)


def formula(tex: str, *, block: bool = False) -> str:
    r"""Returns a formula as MathML; what cannot be converted, as its source.

    >>> formula("10^6").replace("\n", "").replace(" ", "")
    '<mathxmlns="http://www.w3.org/1998/Math/MathML"><msup><mn>10</mn><mn>6</mn></msup></math>'
    >>> formula(r"\unknown{x}")
    '<code>\\unknown{x}</code>'
    """
    try:
        if len(tex) > MAX_FORMULA_CHARS:
            raise ValueError("long")
        converted = tex2mathml(tex)
    except Exception:  # not only the library's own error: a student's formula can be anything
        return f"<code>{html.escape(tex.strip())}</code>"
    return converted.replace("<math ", '<math display="block" ', 1) if block else converted


def comparable(text: str) -> str:
    """Returns a text without what a repair changes in it, to recognize the instructor's own texts."""
    return re.sub("\N{ZERO WIDTH SPACE}| +$", "", text, flags=re.MULTILINE).strip()


def _take_title(notebook: NotebookNode) -> str:
    """Takes the title out of the notebook, as the page begins with it."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and (found := re.search(r"^# +(.+)$", cell.source, re.MULTILINE)):
            cell.source = cell.source.replace(found[0], "", 1).strip()
            return re.sub(r"[`*]", "", found[1])
    return ""
