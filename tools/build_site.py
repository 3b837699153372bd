"""Builds the site: `make docs` collects its pages in build/site-pages, and Sphinx writes it to build/site.

The pages are the executed lessons and exercises, docs/, the README files of the recorded results, CONTRIBUTING.md and
the docstrings of the modules. Nothing is executed or downloaded.
"""

import argparse
import functools
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
from nbformat import NotebookNode

import cifarlab
from tools import advice_page
from tools.check_notebooks import IGNORED
from tools.check_site import complaints, external_links, pages_of
from tools.site_extension import FOLDED

ROOT = Path(__file__).parents[1]
DOCS, BUILD = ROOT / "docs", ROOT / "build"
NOTEBOOKS, EXERCISES, SOLUTIONS = ROOT / "notebooks", ROOT / "exercises", ROOT / "solutions"
OTHERS = {
    "benchmarks/README.md": "results.md",
    "benchmarks/optimization-notes.md": "optimization-notes.md",
    "benchmarks/recipes.md": "recipes.md",
    "tests/faults/README.md": "faults.md",
    "tests/faults/RESULTS.md": "fault-results.md",
    "CONTRIBUTING.md": "contributing.md",
}
WIDGET, MERMAID = "application/vnd.jupyter.widget-view+json", "text/vnd.mermaid"
IN_WORDS = "(JupyterLab shows this as a figure; here it is as text.)"
"""The line above the text version of a graph, whose figure would need a script."""

LINK = re.compile(r"\[([^\]]*)\]\(([^)\s#]*)(#[^)\s]*)?\)")
FENCED = re.compile(r"^(```.*?^```)$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"```(?!\{glossary)")
"""The beginning of a block in which links are not replaced; they are replaced in glossaries."""

TABLE = re.compile(r"<!-- the table of (\S+) that begins with (.+) -->")


@functools.cache
def places() -> dict[Path, Path]:
    """Returns each file that becomes a page, and the path of the page in the site."""
    folders = {NOTEBOOKS: "lessons", EXERCISES: "exercises"}
    found = {
        path: Path(name) / path.name for folder, name in folders.items() for path in sorted(folder.glob("*.ipynb"))
    }
    found |= {path: path.relative_to(DOCS) for path in sorted(DOCS.glob("*.md"))}
    return found | {ROOT / name: Path(place) for name, place in OTHERS.items()}


def linked(text: str, source: Path, page: Path) -> str:
    """Replaces links to files of the repository by links to pages, or by the file's name if it is not a page.

    Args:
        text: a text in Markdown.
        source: the file with the text, to which its links are relative.
        page: the path of its page in the site.

    Raises:
        ValueError: the target of a link does not exist.
    """

    def replaced(match: re.Match) -> str:
        words, name, anchor = match[1], match[2], match[3] or ""
        if not name or re.match(r"\w+:", name):
            return match[0]
        target = (source.parent / name).resolve()
        if target in places():
            there = Path(os.path.relpath(places()[target], page.parent)).as_posix()
            return f"[{words}]({there}{anchor})"
        if not target.exists():
            raise ValueError(
                f"{source.relative_to(ROOT)} has a link to {name}, which does not exist. Correct the link."
            )
        path = f"`{target.relative_to(ROOT)}`"
        return path if words.strip("`") in (name, target.name) else f"{words} ({path})"

    parts = FENCED.split(text)
    return "".join(part if CODE.match(part) else LINK.sub(replaced, part) for part in parts)


def with_tables(text: str, page: Path) -> str:
    """Inserts the tables that a page of docs/ takes from other files."""

    def table(match: re.Match) -> str:
        source, begin = ROOT / match[1], match[2]
        found = re.search(rf"^{re.escape(begin)}.*\n(\|.*\n?)+", markdown_of(source), re.MULTILINE)
        if not found:
            raise ValueError(
                f"{match[1]} must have a table that begins with {begin!r}, because docs/{page} includes it."
            )
        return linked(found[0], source, page).rstrip()

    return TABLE.sub(table, text)


def markdown_of(source: Path) -> str:
    """Returns the text of a Markdown file or a notebook."""
    if source.suffix == ".md":
        return source.read_text()
    return "\n\n".join(cell.source for cell in nbformat.read(source, as_version=4).cells)


def lesson_page(notebook: NotebookNode, source: Path, page: Path) -> NotebookNode:
    """Prepares a notebook for the site: links to pages, images with alternative text, fallbacks for widgets."""
    notebook.metadata.pop("widgets", None)
    for place, cell in enumerate(notebook.cells):
        cell.id, cell.metadata = str(place), nbformat.from_dict({})
        if cell.cell_type == "markdown":
            cell.source = linked(cell.source, source, page)
            continue
        cell.source = cell.source.removeprefix(f"{IGNORED}\n")
        for output in cell.outputs:
            data = output.get("data", {})
            data.pop(WIDGET, None)
            if data.pop(MERMAID, None):
                data["text/plain"] = f"{IN_WORDS}\n{data['text/plain']}"
            if "image/png" in data:
                cell.metadata["mystnb"] = {"image": {"alt": output.metadata["image/png"]["alt"]}}
    return notebook


def exercise_page(exercise: NotebookNode, solution: NotebookNode) -> NotebookNode:
    """Returns an exercise with the code, outputs and model answers of its solution, folded, at its end."""
    summary = f"{FOLDED}<summary>The answers, and what they print. First try it yourself.</summary>"
    markdown = nbformat.v4.new_markdown_cell
    exercise.cells += [markdown("## Solution"), markdown(summary), *answers(solution), markdown("</details>")]
    return exercise


def answers(solution: NotebookNode) -> Iterator[NotebookNode]:
    """Yields the cells of a solution without the text of the exercise and without hidden tests."""
    for cell in solution.cells:
        cell.source = re.sub(r"^ *### (BEGIN|END) SOLUTION\n?", "", cell.source, flags=re.MULTILINE)
        if cell.cell_type == "code":
            if "BEGIN HIDDEN TESTS" not in cell.source:
                yield cell
        elif cell.metadata.get("nbgrader", {}).get("solution"):
            cell.source = f"**A model answer:** {cell.source}"
            yield cell
        elif heading := re.search(r"^## (.*)", cell.source, re.MULTILINE):
            cell.source = f"```{{rubric}} {heading[1]}\n```"
            yield cell


def reference() -> Iterator[tuple[Path, str]]:
    """Yields the pages of the reference: one for each package of cifarlab, and a list of the public names."""
    names = "\n".join(f"   ~{home}.{name}" for name, home in sorted(cifarlab._HOMES.items()))
    yield Path("api/names.txt"), f".. autosummary::\n   :nosignatures:\n\n{names}\n"
    package = ROOT / "cifarlab"
    for layer in sorted(path.parent for path in package.glob("*/__init__.py")):
        yield Path(f"api/{layer.name}.rst"), reference_page(f"cifarlab.{layer.name}", sorted(layer.rglob("*.py")))
    single = [path for path in sorted(package.glob("*.py")) if not path.name.startswith("__")]
    yield Path("api/single.rst"), reference_page("Single modules", single)


def reference_page(title: str, modules: list[Path]) -> str:
    """Returns a page with the docstrings of modules; a module whose name is the page's title has no heading."""
    parts = [f"{title}\n{'=' * len(title)}\n"]
    for path in modules:
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        if "._" in name:
            continue
        if name != title:
            heading = name.removeprefix(f"{title}.")
            parts.append(f"{heading}\n{'-' * len(heading)}\n")
        parts.append(f".. automodule:: {name}\n")
    return "\n".join(parts)


def assemble(folder: Path) -> None:
    """Writes all pages to a folder, which is replaced."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(DOCS, folder, ignore=shutil.ignore_patterns("conf.py", "_static", "__pycache__"))
    pages = {**dict(reference()), advice_page.PAGE: advice_page.page()}
    for source, page in places().items():
        if source.suffix == ".md":
            pages[page] = with_tables(linked(source.read_text(), source, page), page)
            continue
        notebook = nbformat.read(source, as_version=4)
        if source.parent == EXERCISES:
            notebook = exercise_page(notebook, nbformat.read(SOLUTIONS / source.name, as_version=4))
        pages[page] = nbformat.writes(lesson_page(notebook, source, page))
    for page, text in pages.items():
        (folder / page).parent.mkdir(parents=True, exist_ok=True)
        (folder / page).write_text(text)


def build(folder: Path, processes: int = 1) -> subprocess.CompletedProcess:
    """Assembles the pages and runs Sphinx, which writes the site to `folder`/site; warnings are errors."""
    assemble(folder / "site-pages")
    shutil.rmtree(folder / "site", ignore_errors=True)
    state = ["-c", str(DOCS), "-d", str(folder / "site-state")]
    options = ["-W", "--keep-going", "-E", "-q", "-j", str(processes), "-b", "html", *state]
    command = [sys.executable, "-m", "sphinx", *options, str(folder / "site-pages"), str(folder / "site")]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def main() -> int:
    """Builds and checks the site, and lists its external links; returns 1 if there are errors."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    done = build(BUILD, processes=2)
    if done.returncode:
        print(done.stdout + done.stderr, file=sys.stderr)
        return 1
    pages = pages_of(BUILD / "site")
    for complaint in (found := list(complaints(pages))):
        print(complaint, file=sys.stderr)
    for address in external_links(pages):
        print(f"external link, not checked: {address}")
    print(f"{len(pages)} pages; open {BUILD / 'site' / 'index.html'}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
