"""The lines of `cifarlab classify`: text for people, JSON and CSV for programs."""

import csv
import io
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from cifarlab.evaluation.classifier import Prediction
from cifarlab.text import sanitize

TOP_K = 3
"""Classes per image."""


def text_line(path: Path, predictions: Sequence[Prediction]) -> str:
    r"""Returns a line for people.

    >>> text_line(Path("a.png"), [Prediction("cat", 0.75), Prediction("dog", 0.25)])
    'a.png: cat 75.0%, dog 25.0%\n'
    """
    shares = ", ".join(f"{prediction.name} {prediction.probability:.1%}" for prediction in predictions)
    return f"{sanitize(path)}: {shares}\n"


def json_line(path: Path, predictions: Sequence[Prediction]) -> str:
    r"""Returns a JSON object in one line of ASCII; `os.fsencode` turns its path into the bytes of the file's name.

    >>> json_line(Path("a.png"), [Prediction("cat", 0.75)])
    '{"path": "a.png", "predictions": [{"class": "cat", "probability": 0.75}]}\n'
    """
    found = [{"class": name, "probability": round(probability, 6)} for name, probability in predictions]
    return json.dumps({"path": os.fspath(path), "predictions": found}) + "\n"


def csv_line(path: Path, predictions: Sequence[Prediction]) -> str:
    r"""Returns a row of CSV with three pairs of class and probability, which are empty if there are fewer classes.

    >>> csv_line(Path('a,"b".png'), [Prediction("cat", 0.75), Prediction("dog", 0.25)])
    '"a,""b"".png",cat,0.75,dog,0.25,,\r\n'
    """
    pairs = [(name, round(probability, 6)) for name, probability in predictions]
    return _row(os.fspath(path), *(value for pair in [*pairs, *[("", "")] * (TOP_K - len(pairs))] for value in pair))


def _row(*values: object) -> str:
    line = io.StringIO(newline="")
    csv.writer(line).writerow(values)
    return line.getvalue()


class Format(NamedTuple):
    """A format of the results.

    Attributes:
        line: returns the line of an image.
        header: what comes before the lines.
    """

    line: Callable[[Path, Sequence[Prediction]], str]
    header: str = ""


CSV_HEADER = _row("path", *(f"{what}_{place}" for place in range(1, TOP_K + 1) for what in ("class", "probability")))
FORMATS = {"text": Format(text_line), "json": Format(json_line), "csv": Format(csv_line, CSV_HEADER)}
"""The formats by name."""
