"""The number of points that an exercise's introduction states, which changes with an instructor's private tests."""

import re

_STATED = re.compile(r"(\*\*Points\*\*: )(\d+(?:\.\d+)?)\b")
_PRIVATE = "{:g} of them for tests of your instructor that are not shown"
_WITH_PRIVATE = re.compile(_STATED.pattern + f"(?:, {_PRIVATE.replace('{:g}', '[0-9.]+')})?")


def add_private(text: str, points: float) -> str:
    """Adds the points of private tests to the number that a text states first; a text without one stays as it is.

    >>> add_private("**Points**: 12.", 2.5)
    '**Points**: 14.5, 2.5 of them for tests of your instructor that are not shown.'
    """
    return _STATED.sub(
        lambda found: f"{found[1]}{float(found[2]) + points:g}, {_PRIVATE.format(points)}", text, count=1
    )


def without_number(text: str) -> str:
    """Returns a text without the stated number of points, to compare it with that of another release.

    >>> without_number("Hand in. **Points**: 12.") == without_number("Hand in. " + add_private("**Points**: 12.", 3))
    True
    """
    return _WITH_PRIVATE.sub(r"\1", text)
