"""Makes whatever was handed in into a notebook that can be graded: the assignment's own, with the answers put in."""

import html
import json
import re
import urllib.parse
from collections.abc import Container, Iterable

import nbformat
from nbformat import NotebookNode

from cifarlab.teaching.sandbox.nbgrader_cells import HIDDEN_TESTS, is_base64_image

MAX_FILE_BYTES = 20_000_000
"""Bytes of a submitted notebook; a larger one holds nothing but output."""
MAX_CELLS = 1000
"""Cells of a submitted notebook; nobody has written more."""
MAX_CELL_CHARS, MAX_TOTAL_CHARS = 20_000, 200_000
"""Characters of a submitted cell, and of all that are a student's own: for a text twice as long nbconvert may need four
times as long."""


def repair_submission(submitted: bytes, release: NotebookNode, source: NotebookNode) -> NotebookNode:
    """The assignment with a student's answers and own cells in it, and with every test as the instructor wrote it.

    Cells that were deleted come back, tests that were edited are replaced, outputs are left out, long texts are
    cut, and what is no notebook at all becomes an assignment without answers. The first cell says what was mended, if
    anything was. HTML in a student's words becomes words: pages are made of them, which an instructor opens.

    Args:
        submitted: the file's bytes, whatever they are.
        release: the assignment as students got it.
        source: the assignment with hidden tests; its cells have the same `grade_id`.

    >>> release = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("raise NotImplementedError()",
    ...     metadata={"nbgrader": {"grade_id": "softmax", "solution": True}})])
    >>> for cell in repair_submission(b"PK...", release, release).cells: print(cell.cell_type, "|", cell.source)
    markdown | **From the grader:** the file is no Jupyter notebook of format 4, so nothing could be graded.
    code | raise NotImplementedError()
    """
    hidden = {_id(cell): cell for cell in source.cells}
    released = {_id(cell): cell.source for cell in release.cells}
    own = {_id(cell): _original_cell(cell, hidden[_id(cell)]) for cell in release.cells if _id(cell)}
    cells, problem = _cells(submitted)
    if problem:
        kept = [own.get(_id(cell)) or _new(cell.cell_type, cell.source) for cell in release.cells]
        return _with_notes([problem], kept, release)
    names = _names(cells, own)
    texts, notes = _cut([_text(cell) for cell in cells], names)
    kept = []
    for cell, name, whole in zip(cells, names, texts, strict=True):
        text = whole.replace(HIDDEN_TESTS, HIDDEN_TESTS.lower())  # nbgrader's mark is ours alone
        if name:
            if own[name].metadata.nbgrader.solution:
                _write(own[name], text, cell)
            elif text != released[name]:
                notes.append(f"the cell `{name}` was changed; the original was used.")
            kept.append(own[name])
        elif text.strip():
            kept.append(_new("code" if cell.get("cell_type") == "code" else "markdown", ""))
            _write(kept[-1], text, cell)
    missing = [name for name in own if name not in names]
    if missing:
        notes.append(f"cells that were missing were put back: {', '.join(missing)}.")
    _restore_missing(kept, own, missing)
    return _with_notes(notes, kept, release)


def _with_notes(notes: list[str], cells: list[NotebookNode], release: NotebookNode) -> NotebookNode:
    """A notebook of these cells, above them what the student should know."""
    above = [_new("markdown", "**From the grader:** " + " ".join(notes))] if notes else []
    return nbformat.v4.new_notebook(cells=above + cells, metadata=release.metadata)


def _cells(submitted: bytes) -> tuple[list, str]:
    """The cells of a file, and what is wrong with it, or ""."""
    if not submitted:
        return [], "the notebook is missing, empty or a link: hand it in under the assignment's name."
    if len(submitted) > MAX_FILE_BYTES:
        return [], f"the file has more than {MAX_FILE_BYTES // 1_000_000} MB: clear its outputs and hand it in again."
    try:
        notebook = json.loads(submitted.decode())  # not by nbformat: to validate a few kilobytes can take it hours
        cells = notebook["cells"]
        if isinstance(cells, list) and len(cells) > MAX_CELLS:
            return [], f"the notebook has more than {MAX_CELLS:,} cells: remove some and hand it in again."
        if notebook["nbformat"] == 4 and isinstance(cells, list) and all(isinstance(cell, dict) for cell in cells):
            return cells, ""
    except Exception:  # a file can be wrong in any way
        pass
    return [], "the file is no Jupyter notebook of format 4, so nothing could be graded."


def _id(cell: dict) -> str:
    """What nbgrader calls a cell, or ""."""
    known = (cell.get("metadata") or {}).get("nbgrader") or {}
    return str(known.get("grade_id", "")) if isinstance(known, dict) else ""


def _text(cell: dict) -> str:
    """The source of a cell, which may be lines."""
    source = cell.get("source")
    lines = source if isinstance(source, list) else [source]
    return _whole("".join(line for line in lines if isinstance(line, str)))


def _whole(text: str) -> str:
    """Text without halves of characters, which JSON can hold and no file can."""
    return text.encode("utf-8", "replace").decode()


def _names(cells: list[dict], own: Iterable[str]) -> list[str]:
    """Of each cell the name that it has in the assignment; "" of a student's own, and of a second one of a name."""
    left = set(own)
    names = []
    for cell in cells:
        names.append(_id(cell) if _id(cell) in left else "")
        left.discard(names[-1])
    return names


def _cut(texts: list[str], names: list[str]) -> tuple[list[str], list[str]]:
    """Texts of which none is longer than a page is made of, and what the student should know of it.

    Those with a name have a length of their own each, so that nothing takes the room of an answer.
    """
    kept, cut, left = [], [], MAX_TOTAL_CHARS
    for number, (text, name) in enumerate(zip(texts, names, strict=True), 1):
        kept.append(text[: MAX_CELL_CHARS if name else min(MAX_CELL_CHARS, left)])
        left -= 0 if name else len(kept[-1])
        if kept[-1] != text:
            cut.append(f"`{name}`" if name else f"number {number}")
    if not cut:
        return kept, []
    which = ", ".join(cut[:5]) + (f" and {len(cut) - 5} more" if len(cut) > 5 else "")
    return kept, [
        f"cells of more than {MAX_CELL_CHARS:,} characters, or {MAX_TOTAL_CHARS:,} together beside the answers, were "
        f"cut off there ({which}): shorten them and hand it in again."
    ]


def _write(cell: NotebookNode, text: str, submitted: dict) -> None:
    """Puts a student's text into a cell, and into one of words the pictures that belong to it."""
    if cell.cell_type == "code":
        cell.source = text
        return
    pictures = _pictures(submitted)
    cell.source = _drop_unknown_attachments(_escape_html(text), pictures)
    if pictures:
        cell.attachments = nbformat.from_dict(pictures)


def _escape_html(text: str) -> str:
    """Text without HTML: after a space that nobody sees, a < begins no tag."""
    return re.sub(r"<(?=[a-zA-Z/!?])", "<\N{ZERO WIDTH SPACE}", text)


def _pictures(cell: dict) -> dict[str, dict[str, str]]:
    """The pictures that a student put into a cell of words, its attachments; nothing else that may lie there."""
    there = cell.get("attachments")
    found = {
        _address(_whole(str(name))): {form: data for form, data in forms.items() if is_base64_image(form, data)}
        for name, forms in (there if isinstance(there, dict) else {}).items()
        if isinstance(forms, dict)
    }
    return {name: forms for name, forms in found.items() if forms}


def _drop_unknown_attachments(text: str, pictures: Container[str]) -> str:
    """Text in which no picture is meant that is not there: nbconvert makes no page of that."""

    def checked(found: re.Match) -> str:
        return found[0] if _address(found[1]) in pictures else found[0].replace(":", "\N{ZERO WIDTH SPACE}:", 1)

    return re.sub(r"""attachment:([^\s)>\]"']*)""", checked, text)


def _address(name: str) -> str:
    """A picture's name as nbconvert looks it up: with what stands for a space or an umlaut in an address."""
    return urllib.parse.quote(html.unescape(name), safe=":/?#@!$&()*+,;=%")


def _original_cell(released: NotebookNode, hidden: NotebookNode) -> NotebookNode:
    """A cell as the assignment has it: of a solution the stub, of all others the text with hidden tests."""
    text = released.source if released.metadata.nbgrader.get("solution") else hidden.source
    return _new(released.cell_type, text, released.metadata)


def _new(kind: str | None, text: str, metadata: dict | None = None) -> NotebookNode:
    make = {"code": nbformat.v4.new_code_cell, "raw": nbformat.v4.new_raw_cell}.get(
        kind or "", nbformat.v4.new_markdown_cell
    )
    return make(text, metadata=nbformat.from_dict(metadata or {}))


def _restore_missing(kept: list[NotebookNode], own: dict[str, NotebookNode], missing: Iterable[str]) -> None:
    """Inserts cells that a student deleted, each after those that it follows in the assignment, or before the rest."""
    names = list(own)
    for name in missing:
        order = names.index(name)
        before = [place for place, cell in enumerate(kept) if _id(cell) in names[:order]]
        after = [place for place, cell in enumerate(kept) if _id(cell) in names[order:]]
        kept.insert(max(before) + 1 if before else min(after, default=len(kept)), own[name])
