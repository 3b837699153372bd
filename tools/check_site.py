"""Checks of a built site: broken links, images without alternative text, files loaded from other sites."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag

SOURCES = {"script", "img", "iframe", "source", "video", "audio"}
LOADED = {"stylesheet", "icon", "preload", "modulepreload", "prefetch", "preconnect", "dns-prefetch"}
"""Kinds of <link> that a browser loads automatically."""

EMPTY = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
"""Tags without an end tag."""

OUTSIDE = re.compile(r"(https?:)?//|mailto:")
IN_A_STYLE = re.compile(r"url\([\"']?((?:https?:)?//[^)\"']+)")


class Page(HTMLParser):
    """The contents of a page that are checked.

    Attributes:
        ids: the anchors.
        links: the targets of the links.
        loaded: the files that a browser loads with the page.
        images: the attributes of each image.
        shown: the text that is visible at first.
        folded: the text inside <details>.
        unbalanced: tags that are closed in the wrong order or not at all.
    """

    def __init__(self, path: Path) -> None:
        """Reads the page."""
        super().__init__()
        self.path, self.shown, self.folded = path, "", ""
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.images: list[dict[str, str]] = []
        self.unbalanced: list[str] = []
        self._open: list[str] = []
        self.feed(path.read_text())
        self.unbalanced += self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Records the attributes of a tag."""
        found = {name: value or "" for name, value in attrs}
        if "id" in found:
            self.ids.add(found["id"])
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
        if tag in SOURCES and "src" in found:
            self.loaded.append(found["src"])
        if tag == "link" and LOADED & set(found.get("rel", "").split()):
            self.loaded.append(found["href"])
        if tag == "img":
            self.images.append(found)
        if tag not in EMPTY:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Records an end tag that does not match the last open tag."""
        if tag not in EMPTY and (not self._open or self._open.pop() != tag):
            self.unbalanced.append(f"</{tag}> in line {self.getpos()[0]}")

    def handle_data(self, data: str) -> None:
        """Records the text."""
        if {"script", "style"} & set(self._open):
            return
        if "details" in self._open and "summary" not in self._open:
            self.folded += data
        else:
            self.shown += data


def pages_of(site: Path) -> dict[Path, Page]:
    """Returns all pages of a site by path, without the templates of the theme."""
    return {path: Page(path) for path in sorted(site.rglob("*.html")) if "_static" not in path.parts}


def complaints(pages: dict[Path, Page]) -> Iterator[str]:
    """Yields all problems of a site, one line each."""
    for path, page in pages.items():
        yield from (f"{path}: an image without alternative text" for image in page.images if not _has_words(image))
        yield from (f"{path}: loads {name} from another site" for name in page.loaded if OUTSIDE.match(name))
        yield from (f"{path}: loads {name}, which does not exist" for name in page.loaded if _missing(page, name))
        yield from (f"{path}: the link to {name} is broken" for name in page.links if _missing(page, name, pages))
        if page.unbalanced:
            yield f"{path}: tags that do not match: {', '.join(page.unbalanced[:3])}"
    for sheet in {sheet for path in pages for sheet in path.parent.rglob("*.css")}:
        yield from (f"{sheet}: loads {name} from another site" for name in IN_A_STYLE.findall(sheet.read_text()))


def external_links(pages: dict[Path, Page]) -> list[str]:
    """Returns the external links of all pages, sorted."""
    return sorted({name for page in pages.values() for name in page.links if OUTSIDE.match(name)})


def _has_words(image: dict[str, str]) -> bool:
    """Returns whether an image has an alternative text; Sphinx's default is its URL, which does not count."""
    words = image.get("alt", "").strip()
    return bool(words) and words != image.get("src")


def _missing(page: Page, name: str, pages: dict[Path, Page] | None = None) -> bool:
    """Returns whether a file of the site is missing or, if the pages are given, an anchor in one of them."""
    if OUTSIDE.match(name) or name.startswith("data:"):
        return False
    address, anchor = map(unquote, urldefrag(name))
    target = page.path if not address else (page.path.parent / address.partition("?")[0]).resolve()
    return not target.is_file() or bool(pages and anchor and target in pages and anchor not in pages[target].ids)
