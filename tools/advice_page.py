"""The site's page "When a check says ...", made of the checks' source and of the known wrong answers in the tests."""

import ast
import html
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import nbformat

from cifarlab.teaching.checks import catalog
from cifarlab.teaching.checks.catalog import ANY, LESSONS, Entry

ROOT = Path(__file__).parents[1]
WRONG = ROOT / "tests" / "teaching" / "wrong"
EXERCISES, NOTEBOOKS = ROOT / "exercises", ROOT / "notebooks"
PAGE = Path("advice.md")

INTRODUCTION = """# When a check says ...

A check that does not accept an answer says "Not yet:" and the likely cause. Here is everything that checks can say,
with causes that we know from wrong answers, and the lesson to reread. Parts that depend on your answer are shown as
"…". The short name, such as `softmax.wrong-axis`, is what instructors see.

To find a message, search this site for some of its words, or this page with your browser.
"""


def page() -> str:
    """Returns the page in Markdown."""
    causes = known_causes()
    parts = [INTRODUCTION]
    entries = catalog.entries()
    for exercise in sorted(EXERCISES.glob("*.ipynb")):
        number = int(exercise.stem[:2])
        parts.append(f"## Exercise {number}: {title(exercise)}\n")
        of_exercise = [entry for entry in entries if entry.exercise == number]
        for check in sorted({entry.check for entry in of_exercise}, key=list(LESSONS).index):
            parts += [f"### `{check}`\n", f"Reread {lesson(check)}.\n"]
            parts += [item(entry, causes) for entry in of_exercise if entry.check == check]
    parts.append("## In every exercise\n")
    parts += [item(entry, causes) for entry in entries if entry.check == ANY]
    return "\n".join(parts)


def title(notebook: Path) -> str:
    """Returns the title of an exercise or a lesson."""
    first = nbformat.read(notebook, as_version=4).cells[0].source
    return next(line for line in first.splitlines() if line.startswith("# ")).removeprefix("# ").partition(": ")[2]


def lesson(check: str) -> str:
    """Returns a link to the lesson to reread."""
    name, section = LESSONS[check]
    return f'[lesson {int(name[:2])}](lessons/{name}.ipynb), "{section}"'


def item(entry: Entry, causes: dict[str, list[str]]) -> str:
    """Returns the text about one piece of advice."""
    known = " ".join(causes.get(entry.id, []))
    example = f"\n\n  Cause: {html.escape(known, quote=False)}" if known else ""
    return f"- **{words(entry)}** (`{entry.id.removeprefix(f'{ANY}.')}`){example}\n"


def words(entry: Entry) -> str:
    """Returns the words of an advice in Markdown: code stays code, and nothing else has a meaning."""
    parts = entry.words.split("`")
    escaped = [f"`{part}`" if place % 2 else _escape(part) for place, part in enumerate(parts)]
    return "".join(escaped)


def _escape(text: str) -> str:
    return "".join(f"\\{character}" if character in r"\*_[]<>$#{}" else character for character in text)


def known_causes() -> dict[str, list[str]]:
    """Returns what the known wrong answers that receive an advice do, in their own words, by the advice's id."""
    found = defaultdict(list)
    for advice_id, cause in _wrong_answers():
        if cause not in found[advice_id] and len(found[advice_id]) < 3:
            found[advice_id].append(cause)
    return dict(found)


def _wrong_answers() -> Iterator[tuple[str, str]]:
    for path in sorted(WRONG.glob("*/*.py")):
        tree = ast.parse(path.read_text())
        for node in tree.body:
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "ADVICE_ID":
                yield ast.literal_eval(node.value), (ast.get_docstring(tree) or "").splitlines()[0]
