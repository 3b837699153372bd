"""Find the parts of a dataset (training, validation and test images) among the subdirectories of a directory."""

import contextlib
import re
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path

from cifarlab.data.dataset import DataSetError
from cifarlab.data.image_files import Listing
from cifarlab.data.image_formats import is_image_name, readable_suffixes
from cifarlab.text import counted, sanitize

PART_WORDS = {
    **dict.fromkeys(("train", "training", "trn"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "validation"),
    **dict.fromkeys(("test", "testing", "tst", "eval", "evaluation"), "test"),
}
"""The split for each word in a directory's name that stands for one."""

GENERIC_WORD = re.compile(
    "(data)?sets?|split|data|images?|imgs?|pic(ture)?s?|photos?|samples?|files?|fold(er)?s?|dir|jpe?g|png"
)
"""A word in a directory's name that says nothing about its images."""

_JOINED = re.compile(f"^({'|'.join(PART_WORDS)})(sets?|data|images|split)$")  # such as trainset

EXPECTED = "Pass a directory with one subdirectory of images per class, or with train/CLASS and test/CLASS"
"""What to do about directories that were not understood."""


def part_of(name: str) -> tuple[str, tuple[str, ...]] | None:
    """Returns the part that a directory's name stands for, and the words that have no meaning, or None.

    >>> part_of("Training_Set"), part_of("seg_test"), part_of("trainval"), part_of("cat")
    (('train', ()), ('test', ('seg',)), None, None)
    """
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", unicodedata.normalize("NFKC", name))
    words = re.findall(r"[^\W\d_]+", spaced.casefold())
    words = [part for word in words for part in _JOINED.sub(r"\1 \2", word).split()]
    found = {PART_WORDS[word] for word in words if word in PART_WORDS}
    if len(found) != 1:
        return None
    return found.pop(), tuple(word for word in words if word not in PART_WORDS and not GENERIC_WORD.fullmatch(word))


def named_parts(names: Iterable[str]) -> dict[str, str]:
    """Returns the part of each directory name that stands for one, such as `train`, or `seg_train` with `seg_test`."""
    read = {name: found for name in names if (found := part_of(name))}
    return {
        name: part
        for name, (part, rest) in read.items()
        if not rest or any(other != part and also == rest for other, also in read.values())
    }


def find_parts(top: Listing, notes: list[str]) -> dict[str, Listing]:
    """Returns the parts of a dataset that contain classes; none if the directory contains the classes."""
    filled = {directory.path.name: directory for directory in top.filled}
    named = named_parts(filled)
    others = [directory for name, directory in filled.items() if name not in named]
    with_classes = {name: part for name, part in named.items() if filled[name].filled}
    _check_empty_parts(top, notes)
    if not with_classes:
        return _refuse_flat_parts(top, named, others)
    parts: dict[str, Listing] = {}
    for name, part in with_classes.items():
        if part in parts:
            both = both_spellings(parts[part].path, filled[name].path)
            raise DataSetError(f"each part must be one directory; {both} both mean the {part} part. Merge them.")
        parts[part] = filled[name]
    _check_training_part(top, parts, named)
    _check_others(parts, set(named.values()), others)
    _check_strays(parts, others)
    for directory in others:
        move = f"for a class of this name, move it to {sanitize(parts['train'].path.name)}"
        notes.append(not_used(directory.path, f"{counted(directory.count, 'image')} outside all parts; {move}"))
    for directory in (filled[name] for name in named if name not in with_classes):
        notes.append(not_used(directory.path, f"{counted(directory.count, 'image')} without classes"))
    return parts


def _check_empty_parts(top: Listing, notes: list[str]) -> None:
    """Refuses a training part without images, and notes other parts without images."""
    empty = [directory.path.name for directory in top.directories if not directory.has_images]
    for name, part in named_parts(empty).items():
        if part == "train":
            raise DataSetError(
                f"{sanitize(top.path / name)} must contain the training images; it has none. Add them, or move the "
                "directory away."
            )
        notes.append(not_used(top.path / name, "it contains no images"))


def _refuse_flat_parts(top: Listing, named: dict[str, str], others: Sequence[Listing]) -> dict[str, Listing]:
    """Refuses parts without classes; a single directory `train` among classes is a class, the vehicle."""
    if not named or (others and [name.casefold() for name in named] == ["train"]):
        return {}
    if not others:
        name = min(named, key=lambda name: (named[name] != "train", name))
        images = next(listing for listing in top.directories if listing.path.name == name)
        file = sanitize(next((path.name for path in [*images.images, *images.unsupported]), "1.jpg"))
        raise DataSetError(
            f"{sanitize(top.path / name)} must contain one subdirectory of images per class; it has none, only "
            f"{counted(images.count, 'image')}. Move each image to a subdirectory named after its class, such as "
            f"{sanitize(name)}/CLASS/{file}."
        )
    first = sanitize(top.path / sorted(named)[0])
    raise DataSetError(
        f"{first} may be a class or the images of a part, next to the classes "
        f"{some_of(other.path.name for other in others)}. If it is a class, rename it; otherwise, move it away."
    )


def _check_training_part(top: Listing, parts: dict[str, Listing], named: dict[str, str]) -> None:
    if "train" in parts:
        return
    flat = [name for name, part in named.items() if part == "train"]
    found = f"{flat[0]} contains images without classes" if flat else f"found only {some_of(named)}"
    raise DataSetError(
        f"{sanitize(top.path)} must contain the part train, with classes; {sanitize(found)}. {EXPECTED}."
    )


def _check_others(parts: dict[str, Listing], kinds: set[str], others: Sequence[Listing]) -> None:
    """Refuses directories next to the parts that may be parts, or that show that a part is a class."""
    unclear = [other for other in others if len(look_through(other, []).filled) > 1 or len(kinds) == 1]
    if unclear:
        raise DataSetError(
            f"{sanitize(unclear[0].path)} must be named after a part, as "
            f"{some_of(part.path.name for part in parts.values())} is, which contains classes. Rename it to train, "
            "validation or test, or move it away."
        )


def _check_strays(parts: dict[str, Listing], others: Sequence[Listing]) -> None:
    """Refuses a directory next to the parts that has the name of a class in one of them."""
    known = {directory.path.name.casefold(): part for part in parts.values() for directory in part.filled}
    for other in others:
        if part := known.get(other.path.name.casefold()):
            raise DataSetError(
                f"{sanitize(other.path)} must be in a part, because it has the name of a class in "
                f"{sanitize(part.path)}. Move its {counted(other.count, 'image')} to the right part, or move it away."
            )


def look_through(listing: Listing, notes: list[str]) -> Listing:
    """Returns the first directory that contains more than one other directory, as archives often nest them."""
    while not listing.own and len(filled := listing.filled) == 1 and not filled[0].own:
        _check_empty_parts(listing, notes)
        notes.append(f"Looked through {sanitize(listing.path)}, which contains only {sanitize(filled[0].path.name)}.")
        listing = filled[0]
    return listing


def image_in(directory: Path) -> Path | None:
    """Returns an image if a directory is one of images, the classes' images, or parts of them; None otherwise.

    A single subdirectory with images, such as that of a project's figures, does not make it one. Few files are listed.

    >>> import tempfile
    >>> home = Path(tempfile.mkdtemp())
    >>> for name in ("photos/cat/1.jpg", "photos/dog/1.jpg", "run/figures/loss.png"):
    ...     (home / name).parent.mkdir(parents=True, exist_ok=True)
    ...     (home / name).touch()
    >>> image_in(home / "photos").name, image_in(home / "photos" / "cat").name, image_in(home / "run")
    ('1.jpg', '1.jpg', None)
    """
    suffixes = readable_suffixes()
    if image := _first_image(directory, suffixes):
        return image
    with contextlib.suppress(OSError):
        below = [path for path in directory.iterdir() if path.is_dir() and path.name[0] != "."]
        parts = [path for path in below if part_of(path.name)]
        found = [image for path in below if (image := _first_image(path, suffixes))]
        return next(filter(None, map(image_in, parts)), found[0] if len(found) > 1 else None)
    return None


def _first_image(directory: Path, suffixes: frozenset[str]) -> Path | None:
    """Returns an image directly in a directory."""
    with contextlib.suppress(OSError):
        return next(
            (path for path in directory.iterdir() if path.suffix.lower() in suffixes or is_image_name(path)), None
        )
    return None


def not_used(path: Path, why: str) -> str:
    """Returns a line about something that is not used."""
    return f"Not used: {sanitize(path)} ({why})."


def both_spellings(first: Path, second: Path) -> str:
    r"""Names two paths so that different spellings of the same name look different.

    >>> both_spellings(Path("Cat"), Path("cat")), both_spellings(Path("\u00e9"), Path("e\u0301"))
    ("'Cat' and 'cat'", "'\\xe9' and 'e\\u0301'")
    """
    same = unicodedata.normalize("NFC", first.name) == unicodedata.normalize("NFC", second.name)
    show = ascii if same else repr
    return f"{show(str(first))} and {show(str(second))}"


def some_of(names: Iterable[str]) -> str:
    """Lists up to five names, and the number of the others.

    >>> some_of("abcdefg")
    'a, b, c, d, e and 2 more'
    """
    listed = [sanitize(name) for name in names]
    return ", ".join(listed[:5]) + (f" and {len(listed) - 5:,} more" if len(listed) > 5 else "")
