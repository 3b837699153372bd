"""Repairs submissions: creates a gradable notebook from the assignment and a student's answers."""

import html
import json
import re
import urllib.parse
from collections.abc import Container, Iterable

import nbformat
from nbformat import NotebookNode

from cifarlab.teaching.sandbox.nbgrader_cells import HIDDEN_TESTS, PRIVATE_PREFIX, is_base64_image

MAX_FILE_BYTES = 20_000_000
"""Maximum size of a submitted notebook, in bytes; larger ones consist mostly of output."""
MAX_CELLS = 1000
"""Maximum number of cells of a submitted notebook."""
MAX_CELL_CHARS, MAX_TOTAL_CHARS = 20_000, 200_000
"""Maximum characters of a submitted cell, and of all cells that a student added; nbconvert's time can grow with their
square."""


def repair_submission(submitted: bytes, release: NotebookNode, source: NotebookNode) -> NotebookNode:
    """Returns the assignment with a student's answers and added cells, and with every test as the instructor wrote it.

    Deleted cells are restored, edited tests are replaced, outputs are removed and long texts are cut. A file that is
    not a notebook becomes an assignment without answers. The first cell lists what was repaired, if anything. HTML in a
    student's text is escaped, because it would become part of the pages that an instructor opens.

    Args:
        submitted: the bytes of the submitted file, which may be anything.
        release: the assignment that the students received.
        source: the assignment with hidden tests; its cells have the same `grade_id`.

    >>> release = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("raise NotImplementedError()",
    ...     metadata={"nbgrader": {"grade_id": "softmax", "solution": True}})])
    >>> for cell in repair_submission(b"PK...", release, release).cells: print(cell.cell_type, "|", cell.source)
    markdown | **From the grader:** the file is not a valid Jupyter notebook (format 4), so nothing could be graded.
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
        text = whole.replace(HIDDEN_TESTS, HIDDEN_TESTS.lower())  # only the instructor may use nbgrader's marker
        if name:
            if own[name].metadata.nbgrader.solution:
                _write(own[name], text, cell)
            elif text != released[name] and not _equal_but_for_the_key(whole, hidden[name].source):
                notes.append(f"the cell `{name}` was changed; the original was used.")
            kept.append(own[name])
        elif text.strip():
            kept.append(_new("code" if cell.get("cell_type") == "code" else "markdown", ""))
            _write(kept[-1], text, cell)
    missing = [name for name in own if name not in names]
    seen = [name for name in missing if not name.startswith(PRIVATE_PREFIX)]  # others were never the student's
    if seen:
        notes.append(f"missing cells were restored: {', '.join(seen)}.")
    _restore_missing(kept, own, missing)
    return _with_notes(notes, kept, release)


def _equal_but_for_the_key(text: str, hidden: str) -> bool:
    """Returns whether a test is the instructor's, as in a solution of this repository that was submitted."""
    return re.sub('key="[^"]*"', "", text) == re.sub('key="[^"]*"', "", hidden)


def _with_notes(notes: list[str], cells: list[NotebookNode], release: NotebookNode) -> NotebookNode:
    """Returns a notebook with these cells, preceded by a cell with notes for the student."""
    above = [_new("markdown", "**From the grader:** " + " ".join(notes))] if notes else []
    return nbformat.v4.new_notebook(cells=above + cells, metadata=release.metadata)


def _cells(submitted: bytes) -> tuple[list, str]:
    """Returns the cells of a file and, if it cannot be used, the reason; otherwise ""."""
    if not submitted:
        return [], "the notebook is missing, empty or a link: submit it under the assignment's name."
    if len(submitted) > MAX_FILE_BYTES:
        return [], f"the file has more than {MAX_FILE_BYTES // 1_000_000} MB: clear its outputs and submit it again."
    try:
        notebook = json.loads(submitted.decode())  # not with nbformat, which can take hours to validate a small file
        cells = notebook["cells"]
        if isinstance(cells, list) and len(cells) > MAX_CELLS:
            return [], f"the notebook has more than {MAX_CELLS:,} cells: remove some and submit it again."
        if notebook["nbformat"] == 4 and isinstance(cells, list) and all(isinstance(cell, dict) for cell in cells):
            return cells, ""
    except Exception:  # a file can be wrong in any way
        pass
    return [], "the file is not a valid Jupyter notebook (format 4), so nothing could be graded."


def _id(cell: dict) -> str:
    """Returns nbgrader's name of a cell, or ""."""
    known = (cell.get("metadata") or {}).get("nbgrader") or {}
    return str(known.get("grade_id", "")) if isinstance(known, dict) else ""


def _text(cell: dict) -> str:
    """Returns the source of a cell, which may be stored as a list of lines."""
    source = cell.get("source")
    lines = source if isinstance(source, list) else [source]
    return _whole("".join(line for line in lines if isinstance(line, str)))


def _whole(text: str) -> str:
    """Replaces lone surrogates in a text, which JSON can hold but a file cannot."""
    return text.encode("utf-8", "replace").decode()


def _names(cells: list[dict], own: Iterable[str]) -> list[str]:
    """Returns each cell's name in the assignment; "" for cells that a student added and for duplicates of a name."""
    left = set(own)
    names = []
    for cell in cells:
        names.append(_id(cell) if _id(cell) in left else "")
        left.discard(names[-1])
    return names


def _cut(texts: list[str], names: list[str]) -> tuple[list[str], list[str]]:
    """Cuts texts to the maximum lengths; returns them with notes for the student.

    Only texts without a name share the total length, so that they cannot take away the space for an answer.
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
        f"cells of more than {MAX_CELL_CHARS:,} characters, or {MAX_TOTAL_CHARS:,} in total besides the answers, were "
        f"cut ({which}): shorten them and submit the notebook again."
    ]


def _write(cell: NotebookNode, text: str, submitted: dict) -> None:
    """Puts a student's text into a cell, and into a text cell also its attached images."""
    if cell.cell_type == "code":
        cell.source = text
        return
    images = _attached_images(submitted)
    cell.source = _drop_unknown_attachments(_escape_html(text), images)
    if images:
        cell.attachments = nbformat.from_dict(images)


def _escape_html(text: str) -> str:
    """Escapes HTML in a text: with a zero-width space after it, a < does not begin a tag."""
    return re.sub(r"<(?=[a-zA-Z/!?])", "<\N{ZERO WIDTH SPACE}", text)


def _attached_images(cell: dict) -> dict[str, dict[str, str]]:
    """Returns the images among a text cell's attachments."""
    there = cell.get("attachments")
    found = {
        _address(_whole(str(name))): {form: data for form, data in forms.items() if is_base64_image(form, data)}
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


def _restore_missing(kept: list[NotebookNode], own: dict[str, NotebookNode], missing: Iterable[str]) -> None:
    """Inserts the cells that a student deleted, each after the cells that it follows in the assignment."""
    names = list(own)
    for name in missing:
        order = names.index(name)
        before = [place for place, cell in enumerate(kept) if _id(cell) in names[:order]]
        after = [place for place, cell in enumerate(kept) if _id(cell) in names[order:]]
        kept.insert(max(before) + 1 if before else min(after, default=len(kept)), own[name])
