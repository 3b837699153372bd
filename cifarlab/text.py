"""Names and other texts that a file or a person brought, fit to be shown in a line, on a page or in a figure."""

import re

MAX_DISPLAY_CHARS = 40
"""Characters of a name beside a figure or in a list; file systems take 255, and such a one leaves no room to draw."""

# Control characters and line ends, marks that turn the direction of writing, and halves of characters, as which Python
# keeps bytes of a file's name that are no text.
_HARMFUL = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def sanitize(text: object) -> str:
    r"""A text in one line that does no more to a terminal or a page than letters do.

    What would do more, such as end the line, colour what follows or turn it round, is written as Python writes it.
    HTML, Markdown and formulas stay what they are: they are escaped where they would be read as such.

    >>> print(sanitize("cat\x1b[31m\n"))
    cat\x1b[31m\n
    """
    return _HARMFUL.sub(lambda found: found[0].encode("unicode_escape").decode(), str(text))


def sanitize_lines(text: object) -> str:
    """As `sanitize`, of a text that may have several lines."""
    return "\n".join(map(sanitize, str(text).split("\n")))


def display_name(text: object) -> str:
    """A name as it stands in a figure: plain, and the end of a long one left out.

    >>> display_name("cat"), len(display_name("cat" * 100))
    ('cat', 40)
    """
    name = sanitize(text)
    return name if len(name) <= MAX_DISPLAY_CHARS else name[: MAX_DISPLAY_CHARS - 1] + "…"
