"""Make untrusted text (file names, class names) safe to print, to put into a page or to draw; count things in words."""

import html
import re
from collections.abc import Collection

MAX_DISPLAY_CHARS = 40
"""The longest name shown in a figure or list. File systems allow 255 bytes, which would leave no room for the plot."""

# Control characters, line breaks, bidirectional formatting characters, and surrogates, with which Python represents
# the undecodable bytes of a file name.
_HARMFUL = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def sanitize(text: object) -> str:
    r"""Replaces control characters with Python's escape sequences, so that text stays on one line and plain.

    Otherwise they could break the line, color a terminal or reverse the direction of the text that follows. HTML,
    Markdown and formulas are not changed here; they are escaped wherever they would be interpreted.

    >>> print(sanitize("cat\x1b[31m\n"))
    cat\x1b[31m\n
    """
    return _HARMFUL.sub(lambda found: found[0].encode("unicode_escape").decode(), str(text))


def sanitize_lines(text: object) -> str:
    """Applies `sanitize` to each line of a text."""
    return "\n".join(map(sanitize, str(text).split("\n")))


def display_name(text: object) -> str:
    """Returns a name for display in a figure: sanitized, and shortened if it is long.

    >>> display_name("cat"), len(display_name("cat" * 100))
    ('cat', 40)
    """
    name = sanitize(text)
    return name if len(name) <= MAX_DISPLAY_CHARS else name[: MAX_DISPLAY_CHARS - 1] + "…"


def capitalized(text: str, names: Collection[str] = ()) -> str:
    """Returns a sentence with a capital letter, unless it begins with a name in code, which is put into backticks.

    Args:
        text: the sentence.
        names: names in code that cannot be recognized by their form.

    >>> capitalized("these are logits."), capitalized("first_batch is 0."), capitalized("half is 0.", ["half"])
    ('These are logits.', '`first_batch` is 0.', '`half` is 0.')
    """
    first = re.match(r"[A-Za-z]\w*(?:\.\w+)*(?:\(.*?\))?", text)
    if first and (first[0] in names or re.search(r"[_.(]", first[0])):
        return f"`{first[0]}`{text[first.end() :]}"
    return text[:1].upper() + text[1:]


def inline_code(text: str) -> str:
    """Returns a line of text as HTML, with what stands between backticks as code.

    >>> inline_code("use `a < b`")
    'use <code>a &lt; b</code>'
    """
    return re.sub("`([^`]+)`", r"<code>\1</code>", html.escape(text, quote=False))


def counted(count: int, what: str) -> str:
    """Returns a number of things in words.

    >>> counted(1, "image"), counted(1200, "image"), counted(2, "class")
    ('1 image', '1,200 images', '2 classes')
    """
    return f"{count:,} {what}{'' if count == 1 else 'es' if what.endswith('s') else 's'}"
