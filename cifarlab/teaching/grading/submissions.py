"""Repairs submissions: creates a gradable notebook from the assignment and a student's answers."""

import html
import re
import urllib.parse
from collections.abc import Container, Sequence

import nbformat
from nbformat import NotebookNode

from cifarlab.teaching.grading.matching import Placed, match
from cifarlab.teaching.grading.notebook_files import Notebook, read_notebook
from cifarlab.teaching.grading.pairing import Cell, Released
from cifarlab.teaching.sandbox.nbgrader_cells import HIDDEN_TESTS, PRIVATE_PREFIX, is_base64_image, nbgrader_metadata

MAX_CELL_CHARS, MAX_TOTAL_CHARS = 20_000, 200_000
"""Maximum characters of a submitted cell, and of all cells that a student added; nbconvert's time can grow with their
square."""


def repair_submission(submitted: bytes | Notebook, release: NotebookNode, source: NotebookNode) -> NotebookNode:
    """Returns the assignment with a student's answers and added cells, and with every test as the instructor wrote it.

    Answers are found as `matching.match` describes. Deleted cells are restored, edited tests are replaced, outputs are
    removed and long texts are cut. A file that is not a notebook becomes an assignment without answers. What was
    repaired and what could not be found is in the first cell, if anything, and in the notebook's metadata: `cifarlab`
    has the lists `repaired` and `not_found`, and `attention`, the reason why an instructor should look at it, or "".
    HTML in a student's text is escaped, because it would become part of the pages that an instructor opens.

    Args:
        submitted: the bytes of the submitted file, which may be anything, or what was read from it.
        release: the assignment that the students received.
        source: the assignment with hidden tests; its cells have the same `grade_id`.

    >>> release = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("raise NotImplementedError()",
    ...     metadata={"nbgrader": {"grade_id": "softmax", "solution": True}})])
    >>> repaired = repair_submission(b"%PDF-1.7", release, release)
    >>> for cell in repaired.cells: print(cell.cell_type, "|", cell.source)
    markdown | **From the grader:** the file is not a Jupyter notebook but a PDF file: submit the .ipynb file.
    code | raise NotImplementedError()
    >>> repaired.metadata.cifarlab.attention
    'the file is not a Jupyter notebook but a PDF file: submit the .ipynb file.'
    """
    notebook = read_notebook(submitted) if isinstance(submitted, bytes) else submitted
    hidden = {_id(cell): cell for cell in source.cells}
    own = {_id(cell): _original_cell(cell, hidden[_id(cell)]) for cell in release.cells if _id(cell)}
    if notebook.problem:
        kept = [own.get(_id(cell)) or _new(cell.cell_type, cell.source) for cell in release.cells]
        return _with_notes(kept, release, [], [notebook.problem], notebook.problem)
    cells, long = _cut(notebook.cells)
    found = match(cells, [_released(cell, hidden) for cell in release.cells])
    kept, left, more = [], MAX_TOTAL_CHARS, []
    for placed in found.cells:
        text = placed.text if placed.name else placed.text[:left]
        left -= 0 if placed.name else len(text)
        if text != placed.text:
            more.append((placed.here or 0) + 1)
        kept.append(_cell(placed._replace(text=text), own, cells))
    repaired = [*notebook.repaired, *found.repaired, *_cut_note(sorted({*long, *more}))]
    return _with_notes(kept, release, repaired, found.not_found, found.attention)


def _with_notes(
    cells: list[NotebookNode], release: NotebookNode, repaired: list[str], not_found: list[str], attention: str
) -> NotebookNode:
    """Returns a notebook with these cells, and with notes in a cell above them for the student and in its metadata."""
    notes = f"Repaired: {'; '.join(repaired)}. " if repaired else ""
    notes += f"Not found: {'; '.join(not_found)}." if not_found else ""
    if attention in not_found and len(not_found) == 1:
        notes = attention
    words = _drop_unknown_attachments(_escape_html(f"**From the grader:** {notes.strip()}"), ())
    metadata = nbformat.from_dict(release.metadata)
    metadata["cifarlab"] = {"repaired": repaired, "not_found": not_found, "attention": attention}
    above = [_new("markdown", words)] if notes else []
    return nbformat.v4.new_notebook(cells=above + cells, metadata=metadata)


def _id(cell: NotebookNode) -> str:
    """Returns nbgrader's name of an assignment's cell, or ""."""
    return str(nbgrader_metadata(cell).get("grade_id", ""))


def _released(cell: NotebookNode, hidden: dict[str, NotebookNode]) -> Released:
    """Returns an assignment's cell for `match`."""
    known, name = nbgrader_metadata(cell), _id(cell)
    role = "answer" if known.get("solution") else "test" if known.get("grade") else "locked" if name else ""
    full_text = hidden[name].source if name else cell.source
    released = Cell(cell.cell_type, cell.source, cell.get("id", ""), name)
    return Released(released, role, full_text, name.startswith(PRIVATE_PREFIX))


def _cell(placed: Placed, own: dict[str, NotebookNode], cells: Sequence[Cell]) -> NotebookNode:
    """Returns a cell of the repaired notebook."""
    if placed.name and not placed.is_answer:
        return own[placed.name]
    cell = own[placed.name] if placed.name else _new(placed.kind, "")
    text = placed.text.replace(HIDDEN_TESTS, HIDDEN_TESTS.lower())  # only the instructor may use nbgrader's marker
    _write(cell, text, cells[placed.here].attachments if placed.here is not None else None)
    return cell


def _cut(cells: Sequence[Cell]) -> tuple[list[Cell], list[int]]:
    """Cuts cells to the maximum length; returns them with the numbers of those that were cut."""
    long = [number for number, cell in enumerate(cells, 1) if len(cell.text) > MAX_CELL_CHARS]
    return [cell._replace(text=cell.text[:MAX_CELL_CHARS]) for cell in cells], long


def _cut_note(numbers: list[int]) -> list[str]:
    if not numbers:
        return []
    which = ", ".join(f"number {number}" for number in numbers[:5])
    which += f" and {len(numbers) - 5} more" if len(numbers) > 5 else ""
    return [
        f"cells of more than {MAX_CELL_CHARS:,} characters, or {MAX_TOTAL_CHARS:,} in total besides the answers, were "
        f"cut ({which}): shorten them and submit the notebook again"
    ]


def _write(cell: NotebookNode, text: str, attachments: object) -> None:
    """Puts a student's text into a cell, and into a text cell also its attached images."""
    if cell.cell_type == "code":
        cell.source = text
        return
    images = _attached_images(attachments)
    cell.source = _drop_unknown_attachments(_escape_html(text), images)
    if images:
        cell.attachments = nbformat.from_dict(images)


def _escape_html(text: str) -> str:
    """Escapes HTML in a text: with a zero-width space after it, a < does not begin a tag."""
    return re.sub(r"<(?=[a-zA-Z/!?])", "<\N{ZERO WIDTH SPACE}", text)


def _attached_images(there: object) -> dict[str, dict[str, str]]:
    """Returns the images among a text cell's attachments."""
    found = {
        _address(str(name).encode("utf-8", "replace").decode()): {
            form: data for form, data in forms.items() if is_base64_image(form, data)
        }
        for name, forms in (there if isinstance(there, dict) else {}).items()
        if isinstance(forms, dict)
    }
    return {name: forms for name, forms in found.items() if forms}


def _drop_unknown_attachments(text: str, images: Container[str]) -> str:
    """Disables references to attachments that do not exist, for which nbconvert would fail."""

    def checked(found: re.Match) -> str:
        return found[0] if _address(found[1]) in images else found[0].replace(":", "\N{ZERO WIDTH SPACE}:", 1)

    return re.sub(r"""attachment:([^\s)>\]"']*)""", checked, text)


def _address(name: str) -> str:
    """Returns an attachment's name as nbconvert looks it up, with spaces and non-ASCII characters URL-encoded."""
    return urllib.parse.quote(html.unescape(name), safe=":/?#@!$&()*+,;=%")


def _original_cell(released: NotebookNode, hidden: NotebookNode) -> NotebookNode:
    """Returns a cell of the assignment: the stub of a solution, otherwise the text with hidden tests."""
    text = released.source if released.metadata.nbgrader.get("solution") else hidden.source
    return _new(released.cell_type, text, released.metadata)


def _new(kind: str | None, text: str, metadata: dict | None = None) -> NotebookNode:
    make = {"code": nbformat.v4.new_code_cell, "raw": nbformat.v4.new_raw_cell}.get(
        kind or "", nbformat.v4.new_markdown_cell
    )
    return make(text, metadata=nbformat.from_dict(metadata or {}))
