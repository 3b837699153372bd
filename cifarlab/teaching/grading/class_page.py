"""The report on a class as one HTML file for the debriefing, which needs no other file and no network."""

import base64
import html
import os
from collections.abc import Callable
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes

from cifarlab.files import as_path, atomic_write_text
from cifarlab.plotting import class_results, figures
from cifarlab.teaching.checks import catalog
from cifarlab.teaching.grading.class_report import AdviceResult, ClassReport
from cifarlab.teaching.grading.class_tables import mean, pending, share, summary
from cifarlab.text import inline_code, sanitize

_LIGHT: Any = {}
DARK: Any = {
    "figure.facecolor": "#1c1d20",
    "axes.facecolor": "#1c1d20",
    "text.color": "#e4e4e4",
    "axes.labelcolor": "#e4e4e4",
    "xtick.color": "#e4e4e4",
    "ytick.color": "#e4e4e4",
}
"""Matplotlib's settings on a dark page, whose background has the same color."""

STYLE = """
:root { color-scheme: light dark; --back: #ffffff; --text: #1f1f1f; --line: #d5d5d5; --soft: #5c5c5c; }
@media (prefers-color-scheme: dark) {
  :root { --back: #1c1d20; --text: #e4e4e4; --line: #44464c; --soft: #a9abb2; }
}
body { margin: 0 auto; padding: 1.5rem; max-width: 54rem; font: 1rem/1.5 system-ui, sans-serif;
  background: var(--back); color: var(--text); }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .25rem; }
h2 { font-size: 1.2rem; margin: 2.2rem 0 .5rem; }
p { margin: .25rem 0; }
img { display: block; width: 100%; height: auto; margin: .5rem 0; }
@media (prefers-color-scheme: dark) { img.light { display: none; } }
@media not (prefers-color-scheme: dark) { img.dark { display: none; } }
table { width: 100%; border-collapse: collapse; }
th, td { text-align: left; vertical-align: top; padding: .4rem .8rem .4rem 0; border-bottom: 1px solid var(--line); }
th { font-weight: 600; }
td.number, th.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
.words { display: block; }
.soft { color: var(--soft); font-size: .875rem; overflow-wrap: anywhere; }
code { font-size: .875rem; }
"""


def write_page(report: ClassReport, path: str | os.PathLike, *, names: bool = False) -> None:
    """Writes the page, with two figures and two tables.

    Args:
        report: the report.
        path: the path of the HTML file, which is replaced.
        names: whether to name the students who received a piece of advice.
    """
    title = f"What has the class understood? {html.escape(sanitize(report.title or report.name))}"
    counts = [len(result.students) for result in report.advice]
    drawn = [
        (lambda ax: class_results.points(ax, list(report.points.values()), report.max_points), _points_alt(report), 2.4)
    ]
    if counts:
        words, groups = zip(*((result.sentence, sanitize(result.task)) for result in report.advice), strict=True)
        height = class_results.advice_height(counts, groups)
        drawn.append((lambda ax: class_results.advice(ax, words, counts, groups), _advice_alt(report), height))
    parts = [
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{title}</title>',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<style>{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>",
        f"<p>{html.escape(' '.join(summary(report)))}</p>",
        '<p class="soft">Points are without late penalties.</p>',
        _figure(*drawn[0]),
        "<h2>Tasks</h2>",
        _task_table(report),
        "<h2>Advice</h2>",
        *(_figure(*each) for each in drawn[1:]),
        _advice_table(report, names) if counts else "<p>No check gave advice.</p>",
        "</body>\n</html>\n",
    ]
    atomic_write_text(as_path(path), "\n".join(parts))


def _figure(draw: Callable[[Axes], None], alt: str, height: float) -> str:
    """Draws a figure for light and for dark pages; returns HTML that shows one of them."""
    images = []
    for theme, settings in (("light", _LIGHT), ("dark", DARK)):
        with mpl.rc_context(settings):
            figure, (ax,) = figures.subplots(height=height, width=6.4)
            draw(ax)
            figure.set_dpi(2 * figures.DOTS_PER_INCH)
            data = base64.b64encode(figures.png(figure)).decode()
            images.append(f'<img class="{theme}" alt="{html.escape(alt)}" src="data:image/png;base64,{data}">')
    return "\n".join(images)


def _points_alt(report: ClassReport) -> str:
    values = sorted(report.points.values())
    return (
        f"A histogram of the points of {len(values)} students, from {values[0]:g} to {values[-1]:g} "
        f"of {report.max_points:g}. A vertical line marks the median."
    )


def _advice_alt(report: ClassReport) -> str:
    first = report.advice[0]
    return (
        f"A bar for each piece of advice, in a color for each task; the longest, with {len(first.students)}, is: "
        f"{first.sentence} The table below has the numbers."
    )


def _task_table(report: ClassReport) -> str:
    rows = [_row("th", "Task", "All correct", "Mean points", "Missing")]
    for result in report.tasks:
        title = html.escape(sanitize(result.task.title))
        if note := pending(result).strip():
            title += f'<br><span class="soft">{note}</span>'
        rows.append(_row("td", title, share(result), mean(result), str(result.missing)))
    return "\n".join(["<table>", *rows, "</table>"])


def _row(cell: str, first: str, *numbers: str) -> str:
    return f"<tr><{cell}>{first}</{cell}>" + "".join(f'<{cell} class="number">{n}</{cell}>' for n in numbers) + "</tr>"


def _advice_table(report: ClassReport, names: bool) -> str:
    rows = ["<tr><th>What the check said</th><th class='number'>Students</th></tr>"]
    for result in report.advice:
        details = [f"<code>{html.escape(result.id)}</code>", html.escape(sanitize(result.task)), *_reread(result)]
        text = (
            f'<span class="words">{inline_code(result.sentence)}</span><span class="soft">{" · ".join(details)}</span>'
        )
        if names:
            students = ", ".join(html.escape(sanitize(student)) for student in result.students)
            text += f'<br><span class="soft">{students}</span>'
        rows.append(_row("td", text, str(len(result.students))))
    return "\n".join(["<table>", *rows, "</table>"])


def _reread(result: AdviceResult) -> list[str]:
    """Returns the lesson to reread, if there is one."""
    lesson = catalog.LESSONS.get(result.id.split(".")[0])
    return [f"reread lesson {int(lesson[0][:2])}, “{html.escape(lesson[1])}”"] if lesson else []
