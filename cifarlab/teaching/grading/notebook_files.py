"""Reads the cells of a submitted file, whatever program saved it: any encoding, any version of the notebook format."""

import contextlib
import json
import re
from typing import Any, NamedTuple

from charset_normalizer import from_bytes

from cifarlab.teaching.grading.pairing import Cell

MAX_FILE_BYTES = 20_000_000
"""Maximum size of a submitted notebook without its outputs, in bytes."""
MAX_OUTPUT_BYTES = 100_000_000
"""Maximum size of a submitted notebook with its outputs, in bytes."""
MAX_OUTPUT_TOKENS = 4_000_000
"""Maximum number of texts and lists that are skipped in outputs; more take minutes."""
MAX_CELLS = 1000
"""Maximum number of cells of a submitted notebook."""
SCRIPTS = (".py", ".md", ".rmd", ".qmd")
"""Text files that jupytext reads as notebooks."""
MAX_SCRIPT_CHARS = 500_000
"""Maximum characters of such a file."""

_CODE_PAGES = ["cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp932", "cp949", "gb18030", "big5"]
"""Encodings of text files on Windows, to choose from."""


class Notebook(NamedTuple):
    """What was read from a file.

    Attributes:
        cells: its cells.
        repaired: what was unusual about it, a phrase each.
        problem: why it cannot be used, and what to do, or "".
    """

    cells: list[Cell]
    repaired: list[str]
    problem: str = ""


def read_notebook(content: bytes, filename: str = "") -> Notebook:
    r"""Reads the cells of a file, which may be anything.

    Args:
        content: the file's bytes.
        filename: its name; jupytext's scripts and Markdown files are recognized by it.

    >>> read_notebook(b'\xef\xbb\xbf{"cells": [{"cell_type": "code", "source": "x = 1"}]}').cells[0].text
    'x = 1'
    >>> read_notebook(b"%PDF-1.7").problem
    'the file is not a Jupyter notebook but a PDF file: submit the .ipynb file.'
    """
    if not content.strip(b"\0 \t\r\n"):
        return Notebook([], [], "the notebook is missing, empty or a link: submit the .ipynb file.")
    if len(content) > MAX_FILE_BYTES:
        content = _without_outputs(content) if len(content) <= MAX_OUTPUT_BYTES else content
        if len(content) > MAX_FILE_BYTES:
            limit = MAX_FILE_BYTES if len(content) <= MAX_OUTPUT_BYTES else MAX_OUTPUT_BYTES
            words = f"the file has more than {limit // 1_000_000} MB: clear its outputs and submit it again."
            return Notebook([], [], words)
    text, encoding = _decode(content)
    repaired = [f"the file was saved as {encoding}, not as UTF-8"] if encoding else []
    if filename.lower().endswith(SCRIPTS):
        cells, problem = _read_script(text, filename)
    else:
        cells, problem = _read_json(text)
    return Notebook(cells, repaired if cells else [], problem)


def _decode(content: bytes) -> tuple[str, str]:
    """Returns a file's text and, if it is not UTF-8, the name of its encoding."""
    encoding: str = json.detect_encoding(content)  # by its byte order mark, or by the zeros of UTF-16 and UTF-32
    try:
        return content.decode(encoding), "" if encoding.startswith("utf-8") else encoding.upper()
    except UnicodeDecodeError:
        unusual = b"\n".join(line[:1000] for line in content.split(b"\n") if not line.isascii())[:100_000]
        found = {
            match.encoding: (match.chaos, -match.coherence) for match in from_bytes(unusual, cp_isolation=_CODE_PAGES)
        }
        encoding = min((page for page in _CODE_PAGES if page in found), key=lambda page: found[page], default="cp1252")
        return content.decode(encoding, "replace"), encoding


def _read_json(text: str) -> tuple[list[Cell], str]:
    """Returns a notebook's cells; reads it without nbformat, which can take hours to validate a small file."""
    try:
        notebook = json.loads(text, strict=False)
        cells = notebook.get("cells")
        if not isinstance(cells, list):  # before format 4, cells were in worksheets
            cells = [cell for sheet in notebook["worksheets"] for cell in sheet["cells"]]
    except Exception as error:  # a file can be wrong in any way
        return [], f"the file is not a Jupyter notebook{_kind(text, error)}"
    if len(cells) > MAX_CELLS:
        return [], f"the notebook has more than {MAX_CELLS:,} cells: remove some and submit it again."
    return [_cell(cell) for cell in cells if isinstance(cell, dict)], ""


def _read_script(text: str, filename: str) -> tuple[list[Cell], str]:
    """Returns the cells of a script or a Markdown file, as jupytext reads them."""
    try:
        import jupytext
    except ModuleNotFoundError:
        return [], f"a file such as {filename} can be read if jupytext is installed: pip install jupytext."
    if len(text) > MAX_SCRIPT_CHARS:
        return [], f"the file has more than {MAX_SCRIPT_CHARS:,} characters: shorten it and submit it again."
    extension = filename[filename.rindex(".") + 1 :].lower()
    text = text.replace("\r\n", "\n")
    for attempt in (text, _HEADER.sub("", text).lstrip("\n")):
        with contextlib.suppress(Exception):  # its parsers raise many, for an incomplete header among others
            cells = jupytext.reads(attempt, fmt=extension).cells
            return [_cell(cell)._replace(cell_id="") for cell in cells[:MAX_CELLS]], ""
    return [], "the file cannot be read as a notebook: submit the .ipynb file."


_HEADER = re.compile(r"\A(?P<comment>#? ?)---\n.*?^(?P=comment)---\n", re.MULTILINE | re.DOTALL)
"""The header of a script or a Markdown file."""


def _cell(cell: dict[str, Any]) -> Cell:
    """Returns a cell of any version of the format; all its values may be anything."""
    metadata = cell.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    known = metadata.get("nbgrader")
    grade_id = known.get("grade_id") if isinstance(known, dict) else None
    cell_id = cell.get("id") or metadata.get("id")  # Colab writes it into the metadata
    kind, text = cell.get("cell_type"), _text(cell.get("source", cell.get("input")))
    if kind == "heading":  # format 3
        kind, text = "markdown", f"{'#' * (cell['level'] if cell.get('level') in range(1, 7) else 1)} {text}"
    kind = kind if kind in ("code", "raw") else "markdown"
    cell_id, grade_id = (name if isinstance(name, str) else "" for name in (cell_id, grade_id))
    return Cell(kind, text, cell_id, grade_id, cell.get("attachments"))


def _text(source: object) -> str:
    """Returns a source, which may be a list of lines, with uniform line ends and without lone surrogates."""
    lines = source if isinstance(source, list) else [source]
    text = "".join(line for line in lines if isinstance(line, str))
    return text.replace("\r\n", "\n").replace("\r", "\n").encode("utf-8", "replace").decode()


_STRING = rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)'  # one without an end is one, or each quote in it would be tried
_OUTPUTS = re.compile(_STRING + rb'(?<="outputs")\s*+:\s*+\[|' + _STRING, re.DOTALL)
_TOKENS = re.compile(_STRING + rb"|[\[\]]", re.DOTALL)


def _without_outputs(content: bytes) -> bytes:
    """Removes the outputs of a notebook without parsing all of it, which would take too much memory."""
    kept, start, position, tokens = [], 0, 0, MAX_OUTPUT_TOKENS
    while tokens and (found := _OUTPUTS.search(content, position)):
        position = found.end()
        if not found[0].endswith(b"["):
            tokens -= 1
            continue
        kept.append(content[start:position])
        depth = 1
        while depth and tokens and (token := _TOKENS.search(content, position)):
            depth += {b"[": 1, b"]": -1}.get(token[0], 0)
            position, tokens = token.end(), tokens - 1
        start = position - 1
    return b"".join([*kept, content[start:]]) if tokens else content


_KINDS = {
    "%PDF": " but a PDF file: submit the .ipynb file.",
    "PK\x03\x04": " but a zip or Office file: submit the .ipynb file.",
    "<": " but a web page: submit the .ipynb file.",
    "version https://git-lfs": " but a pointer of Git LFS: run `git lfs pull`.",
}


def _kind(text: str, error: Exception) -> str:
    """Returns what a file is instead of a notebook, and what to do."""
    for start, words in _KINDS.items():
        if text.lstrip("\ufeff \n\r\t").startswith(start):
            return words
    if re.search(r"^<{7} .*^={7}$.*^>{7} ", text, re.MULTILINE | re.DOTALL):
        return ": it contains Git's conflict markers. Resolve the conflict and submit it again."
    if isinstance(error, json.JSONDecodeError) and text.lstrip("\ufeff \n\r\t").startswith("{"):
        where = f"line {error.lineno}"
        return f": its JSON is incomplete or damaged at {where}. Save it in Jupyter and submit it again."
    return ": submit the .ipynb file."
