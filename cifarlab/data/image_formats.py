"""Image formats by file extension: which ones can be read here, and what the others need."""

import contextlib
import importlib
from pathlib import PurePath

BLOCKED_FORMATS = ("EPS", "IPTC")
"""Image formats that are never opened: Pillow runs EPS files through Ghostscript, and IPTC files can embed EPS."""

_WITHOUT_PIXELS = ("BUFR", "GRIB", "HDF5", "MPEG", "WMF")  # Pillow recognizes these files but decodes no image
_CONVERT = "convert them to PNG or JPEG"

PLUG_INS = {
    **dict.fromkeys((".heic", ".heif", ".hif"), ("pillow_heif", "pillow-heif")),
    **dict.fromkeys((".avif", ".avifs"), ("pillow_avif", "pillow-avif-plugin")),
    ".jxl": ("pillow_jxl", "pillow-jxl-plugin"),
}
"""The module and the package with which Pillow reads a format, by file extension."""

CONVERTIBLE = frozenset(
    {
        *(".cr2", ".cr3", ".crw", ".nef", ".nrw", ".arw", ".srf", ".sr2", ".dng", ".orf", ".rw2", ".raf", ".pef"),
        *(".srw", ".3fr", ".svg", ".svgz", ".dcm"),
    }
)
"""Extensions of images that Pillow never reads: cameras' raw formats, vector graphics and DICOM."""


def register_plug_ins() -> None:
    """Lets Pillow read the formats of the plug-ins that are installed."""
    from PIL import Image

    Image.init()
    for module in sorted({module for module, _ in PLUG_INS.values()}):
        with contextlib.suppress(ImportError):
            plug_in = importlib.import_module(module)  # some register their format when they are imported
            getattr(plug_in, "register_heif_opener", lambda: None)()


def readable_suffixes() -> frozenset[str]:
    """Returns the extensions of all formats that can be read here, in lower case.

    >>> {".jpg", ".png", ".gif"} <= readable_suffixes(), {".pdf", ".h5", ".eps", ".txt"} & readable_suffixes()
    (True, set())
    """
    from PIL import Image

    register_plug_ins()
    unreadable = {*BLOCKED_FORMATS, *_WITHOUT_PIXELS}
    known = Image.registered_extensions().items()
    return frozenset(suffix for suffix, name in known if name in Image.OPEN and name not in unreadable)


def is_image_name(path: PurePath) -> bool:
    """Returns whether a file name has the extension of an image that needs a plug-in or has to be converted."""
    return path.suffix.lower() in PLUG_INS or path.suffix.lower() in CONVERTIBLE


def remedy(suffix: str) -> str:
    """Returns what to do about images with this extension, which cannot be read.

    >>> remedy(".HEIC"), remedy(".nef")
    ('run pip install pillow-heif', 'convert them to PNG or JPEG')
    """
    return f"run pip install {PLUG_INS[suffix.lower()][1]}" if suffix.lower() in PLUG_INS else _CONVERT


def content_hint(head: bytes) -> str:
    """Returns what a file really is, judging by its first bytes, if people often mistake it for an image; or "".

    >>> content_hint(b"<!DOCTYPE html>"), content_hint(b"\\x89PNG")
    ('a web page', '')
    """
    if not head.strip(b"\0"):
        return "only zeros" if head else "empty"
    text = head.lstrip().lower()
    if text.startswith((b"<!doctype", b"<html", b"<?xml", b"<svg", b"<head")):
        return "a web page or vector graphic" if b"svg" in text or text.startswith(b"<?xml") else "a web page"
    if text.startswith(b"version https://git-lfs"):
        return "a Git LFS pointer; run git lfs pull"
    if head[4:8] == b"ftyp" and head[8:12] in (b"heic", b"heix", b"hevc", b"mif1", b"msf1"):
        return f"HEIC; {remedy('.heic')}"
    return ""
