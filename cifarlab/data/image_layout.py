"""Understand how images are arranged in a directory: which subdirectories are parts, and which are classes.

Only names are read here, never the images. Whatever has two meanings is refused.
"""

import dataclasses
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from cifarlab.data.dataset import DataSetError
from cifarlab.data.image_files import Listing, list_directory
from cifarlab.data.image_parts import (
    EXPECTED,
    GENERIC_WORD,
    both_spellings,
    find_parts,
    look_through,
    named_parts,
    not_used,
    some_of,
)
from cifarlab.data.records import MAX_CLASSES
from cifarlab.text import counted, sanitize

_ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".rar", ".7z")
_NO_CLASSES = ("images", "image", "imgs", "img", "jpegimages", "masks")  # such as images next to their masks
_TABLES = (".csv", ".tsv", ".json", ".xml", ".xlsx", ".txt")


@dataclasses.dataclass
class Layout:
    """The images of each class in each part, as they were understood.

    Attributes:
        classes: the class names; a label is an index into this list.
        images: for each part ("train", and perhaps "validation" and "test"), the image files of each class.
        unsupported: image files that cannot be read here without a plug-in or conversion.
        ignored: for each class, the number of other files by extension.
        ignored_elsewhere: the number of other files by extension outside the classes.
        directories: the directory of each part.
        notes: a line about each decision that was not obvious, and about what is not used.
    """

    classes: list[str]
    images: dict[str, list[list[Path]]]
    unsupported: list[Path]
    ignored: list[Counter[str]]
    ignored_elsewhere: Counter[str]
    directories: dict[str, Path]
    notes: list[str]


class _Class(NamedTuple):
    name: str
    listing: Listing


def read_layout(image_dir: Path) -> Layout:
    """Finds the parts and classes in a directory of images.

    Args:
        image_dir: contains a subdirectory per class, or parts such as `train` and `test` that contain them. Directories
            that contain nothing but one other directory are looked through.

    Raises:
        DataSetError: the arrangement has no meaning or several; the message says how it was understood.
        ImageFileError: a directory cannot be listed, or is a symbolic link to a directory above it.

    >>> import tempfile
    >>> home = Path(tempfile.mkdtemp())
    >>> for name in ("Train/cat/1.jpg", "Train/dog/1.jpg", "valid/cat/2.jpg", "test/3.jpg"):
    ...     (home / name).parent.mkdir(parents=True, exist_ok=True)
    ...     (home / name).touch()
    >>> layout = read_layout(home)
    >>> layout.classes, {part: [len(files) for files in found] for part, found in layout.images.items()}
    (['cat', 'dog'], {'train': [1, 1], 'validation': [1, 0]})
    """
    if not image_dir.is_dir():
        unpack = " Unpack it first, and pass the directory." if image_dir.suffix.lower() in _ARCHIVES else ""
        raise DataSetError(
            f"{sanitize(image_dir)} is not a directory; expected a directory with one subdirectory of images per "
            f"class.{unpack}"
        )
    notes: list[str] = []
    whole = list_directory(image_dir)
    for link in (link for listing in whole.everything() for link in listing.broken):
        raise DataSetError(
            f"{sanitize(link)} must not link to something that does not exist; it links to "
            f"{sanitize(link.readlink())}. Repair or remove the link."
        )
    top = look_through(whole, notes)
    parts = find_parts(top, notes) or {"train": top}
    parts = {part: look_through(listing, notes) for part, listing in parts.items()}
    classes = _find_classes(parts["train"], notes)
    by_part = {"train": dict(classes)}
    for part in ("validation", "test"):
        if part in parts and (found := _match_classes(parts[part], parts["train"], classes, notes)):
            by_part[part] = found
    _note_unused([top, *(listing for listing in parts.values() if listing is not top)], notes)
    return _collect(whole, classes, by_part, {part: parts[part].path for part in by_part}, notes)


def _collect(
    whole: Listing,
    classes: dict[str, _Class],
    by_part: dict[str, dict[str, _Class]],
    directories: dict[str, Path],
    notes: list[str],
) -> Layout:
    """Lists the files of all classes in all parts."""
    images: dict[str, list[list[Path]]] = {}
    unsupported: list[Path] = []
    nested: list[Path] = []
    ignored: list[Counter[str]] = [Counter() for _ in classes]
    for part, found in by_part.items():
        images[part] = [[] for _ in classes]
        for label, key in enumerate(classes):
            for listing in found[key].listing.everything() if key in found else ():
                stems = {path.stem for path in listing.images}
                images[part][label] += listing.images
                unsupported += [path for path in listing.unsupported if path.stem not in stems]
                copies = Counter(path.suffix.lower() for path in listing.unsupported if path.stem in stems)
                ignored[label] += listing.ignored + copies
                if listing is not found[key].listing and listing.images:
                    nested.append(listing.path)
            images[part][label].sort()
    if nested:
        notes.append(f"Includes the images in subdirectories of classes: {some_of(map(str, nested))}.")
    everywhere = sum((listing.ignored for listing in whole.everything()), Counter())
    elsewhere = everywhere - sum(ignored, Counter())
    names = [found.name for found in classes.values()]
    return Layout(names, images, unsupported, ignored, elsewhere, directories, notes)


def class_key(name: str) -> str:
    """Returns the same text for all spellings of a class: case, Unicode normalization and surrounding blanks.

    >>> class_key("Café "), class_key("cafe\u0301") == class_key("CAF\u00c9")
    ('café', True)
    """
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold()).strip() or name


def class_name(directory: Path) -> str:
    """Returns the name of a class: the directory's, without surrounding blanks and in Unicode's composed form."""
    return unicodedata.normalize("NFC", directory.name.strip(" ") or directory.name)


def _find_classes(training: Listing, notes: list[str]) -> dict[str, _Class]:
    """Returns the classes of the training part by their keys, sorted by name."""
    count = len(training.directories)
    if not 2 <= count <= MAX_CLASSES or not any(directory.has_images for directory in training.directories):
        found_names = f" ({some_of(directory.path.name for directory in training.directories)})" if count else ""
        raise DataSetError(
            f"{sanitize(training.path)} must contain one subdirectory of images per class, 2 to {MAX_CLASSES} in all; "
            f"it has {count:,}{found_names}{_hint(training)}. Pass the directory that contains the classes' "
            "subdirectories, or merge classes."
        )
    for directory in training.directories:
        if directory.path.name.casefold() in _NO_CLASSES:
            others = some_of(other.path.name for other in training.directories if other is not directory)
            raise DataSetError(
                f"{sanitize(directory.path)} must be named after a class, because it is next to {others}. If it is "
                "one, rename it; otherwise, move what is not a class away."
            )
    found: dict[str, _Class] = {}
    understood = f"Understood as {count} classes: {some_of(d.path.name for d in training.directories)}"
    for directory in training.directories:
        _add(found, directory, _class_listing(directory, understood, notes))
    return dict(sorted(found.items(), key=lambda item: item[1].name))


def _match_classes(part: Listing, training: Listing, classes: dict[str, _Class], notes: list[str]) -> dict[str, _Class]:
    """Returns the classes of a validation or test part by key; none if its images have no classes."""
    filled = part.filled
    unknown = [directory for directory in filled if class_key(directory.path.name) not in classes]
    if unknown and len(filled) == 1:
        notes.append(not_used(part.path, f"{counted(part.count, 'image')} without classes"))
        return {}
    if unknown:
        raise DataSetError(
            f"{sanitize(part.path)} must contain only classes of {sanitize(training.path)}; it also has "
            f"{some_of(directory.path.name for directory in unknown)}. Rename these directories, add training "
            "images, or move them away."
        )
    found: dict[str, _Class] = {}
    for directory in filled:
        _add(found, directory, _class_listing(directory, "Understood as a class", notes))
        name = classes[class_key(directory.path.name)].name
        if class_name(directory.path) != name:
            notes.append(f"{sanitize(directory.path)} is the class {sanitize(name)}.")
    return found


def _add(found: dict[str, _Class], directory: Listing, images: Listing) -> None:
    """Adds a class, unless its name is another spelling of one of the same part."""
    key = class_key(directory.path.name)
    if key in found:
        raise DataSetError(
            f"{both_spellings(found[key].listing.path, directory.path)} must differ in more than case, blanks or "
            "Unicode normalization. Merge them if they are one class, or rename one."
        )
    found[key] = _Class(class_name(directory.path), images)


def _class_listing(directory: Listing, understood: str, notes: list[str]) -> Listing:
    """Returns the directory of a class's images, which may be one called `images` inside the class's directory."""
    filled = directory.filled
    name = sanitize(directory.path.name)
    if directory.own:
        return directory
    if not filled:
        raise DataSetError(
            f"{sanitize(directory.path)} must contain images of the class {name}; it has none{_hint(directory)}. Add "
            "images, or move it away."
        )
    inside = filled[0].path.name
    if len(filled) == 1 and filled[0].own and (_is_generic(inside) or class_key(inside) == class_key(name)):
        notes.append(f"Looked through {sanitize(directory.path)}, which contains only {sanitize(inside)}.")
        return filled[0]
    names = [each.path.name for each in filled]
    below, advice = some_of(names), EXPECTED
    if len(named_parts(names)) == len(names):
        advice = f"Move parts above classes: {sanitize(names[-1])}/{name} instead of {name}/{sanitize(names[-1])}"
    raise DataSetError(
        f"{sanitize(directory.path)} must contain images of the class {name}; it contains only directories ({below}). "
        f"{understood}. {advice}."
    )


def _is_generic(name: str) -> bool:
    return all(map(GENERIC_WORD.fullmatch, re.findall(r"[^\W\d_]+", name.casefold())))


def _note_unused(parts: Iterable[Listing], notes: list[str]) -> None:
    """Notes images outside all classes, and hidden directories that may have been meant as classes."""
    for listing in parts:
        if listing.own:
            count = counted(len(listing.images) + len(listing.unsupported), "image")
            notes.append(not_used(listing.path, f"{count} directly in it, outside all classes"))
        for name in listing.hidden:
            notes.append(not_used(listing.path / name, "a hidden directory"))


def _hint(listing: Listing) -> str:
    """Says what a directory without classes or images contains instead."""
    found = [f"{counted(len(listing.images), 'image')} directly in it"] if listing.images else []
    found += [f"{count:,} {suffix}" for suffix, count in listing.ignored.most_common(3)]
    hint = f", but {', '.join(found)}" if found else ""
    if any(suffix in _ARCHIVES for suffix in listing.ignored):
        return f"{hint} (unpack archives first)"
    if "without extension" in listing.ignored and not listing.images:
        return f"{hint} (if these are images, add an extension such as .jpg)"
    if listing.has_images and any(suffix in _TABLES for suffix in listing.ignored):
        return f"{hint} (labels in a table are not read: move each image to a subdirectory named after its class)"
    return hint
