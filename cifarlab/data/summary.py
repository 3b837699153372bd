"""The table of a new dataset: images of each class in each split."""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from cifarlab.text import counted, display_name

MAX_ROWS = 40
"""The most classes that the table lists; of more, the first and the last are listed."""

_FIRST, _LAST = 20, 10


def class_table(
    classes: Sequence[str], counts: Mapping[str, np.ndarray], ignored: Sequence[int] | None = None
) -> list[str]:
    """Returns the lines of a table with a row for each class.

    Args:
        classes: the class names.
        counts: the number of images of each class, int[num_classes], by split.
        ignored: the number of ignored files of each class, if there are any.

    >>> print(*class_table(["cat", "dog"], {"train": np.array([80, 7]), "test": np.array([20, 0])}), sep="\\n")
    class  train  test
    cat       80    20
    dog        7     0
    total     87    20
    """
    columns = {**counts, **({"ignored files": np.array(ignored)} if ignored and any(ignored) else {})}
    rows = [(display_name(name), *(f"{n[i]:,}" for n in columns.values())) for i, name in enumerate(classes)]
    total = ("total", *(f"{n.sum():,}" for n in columns.values()))
    rest = ""
    if len(rows) > MAX_ROWS:
        train = counts["train"][_FIRST:-_LAST]
        least, most = int(train.argmin()) + _FIRST, int(train.argmax()) + _FIRST
        rest = (
            f"... {len(train):,} more classes, {counts['train'][least]:,} ({display_name(classes[least])}) to "
            f"{counts['train'][most]:,} ({display_name(classes[most])}) training images"
        )
        rows = [*rows[:_FIRST], *rows[-_LAST:]]
    rows = [("class", *columns), *rows, total]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join([row[0].ljust(widths[0]), *(cell.rjust(w) for cell, w in zip(row[1:], widths[1:], strict=True))])
        for row in rows
    ]
    return [*lines[: _FIRST + 1], rest, *lines[_FIRST + 1 :]] if rest else lines


def ignored_line(ignored: Counter[str]) -> list[str]:
    """Returns a line about ignored files by extension, or none.

    >>> ignored_line(Counter({".txt": 3, ".pdf": 1}))
    ['Ignored files: 3 .txt, 1 .pdf.']
    """
    ordered = sorted(ignored.items(), key=lambda item: (-item[1], item[0]))
    most = [f"{count:,} {display_name(suffix)}" for suffix, count in ordered[:10]]
    others = sum(count for _, count in ordered[10:])
    rest = [counted(others, "other")] if others else []
    return [f"Ignored files: {', '.join([*most, *rest])}."] if most else []
