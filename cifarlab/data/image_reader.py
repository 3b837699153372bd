"""Read the images of a layout in random order, and report the files that cannot be read."""

import dataclasses
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from cifarlab.data.dataset import DataSetError
from cifarlab.data.image_files import ImageFileError, read_image
from cifarlab.data.image_formats import remedy
from cifarlab.data.image_layout import Layout
from cifarlab.data.image_parts import some_of
from cifarlab.data.summary import class_table, ignored_line
from cifarlab.files import append_suffix, atomic_write_text
from cifarlab.text import counted, sanitize

MAX_NAMED = 20
"""The most unreadable files that a message names; a file next to the dataset lists all of them."""

_CHUNK_SIZE = 32  # images read between reports of progress

Files = tuple[list[Path], np.ndarray]
"""Image files, and their labels, int[N]."""


@dataclasses.dataclass
class ImageReader:
    """Reads images, and collects those that cannot be read.

    Attributes:
        layout: what is read.
        output_dir: the directory of the new dataset.
        shape: rows, columns and channels to which images are scaled.
        seed: random seed of the order.
        skip_unreadable: leave out files that cannot be read, instead of raising an error.
        unreadable: the files that could not be read so far, with the reasons.
    """

    layout: Layout
    output_dir: Path
    shape: tuple[int, int, int]
    seed: int
    skip_unreadable: bool
    unreadable: list[tuple[Path, str]] = dataclasses.field(default_factory=list)

    def check_formats(self) -> None:
        """Raises `ImageFileError` if images need a plug-in or a conversion, unless they are to be left out."""
        if not self.layout.unsupported:
            return
        if self.skip_unreadable:
            self.unreadable += [(path, remedy(path.suffix)) for path in self.layout.unsupported]
            return
        kinds = Counter(path.suffix.lower() for path in self.layout.unsupported).most_common()
        raise ImageFileError(
            f"images must be in a format that can be read here; got {', '.join(f'{n:,} {kind}' for kind, n in kinds)}, "
            f"such as {sanitize(self.layout.unsupported[0])}. For {_remedies(kinds)}, and run this again; or leave "
            "them out with skip_unreadable=True (--skip-unreadable)."
        )

    def batches(self, files: Files, number: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yields images and labels in random order, because the shuffle queue holds only part of an epoch.

        Args:
            files: what to read.
            number: the number of the split, so that each split has its own order.
        """
        paths, labels = files
        order = np.random.default_rng([self.seed, number]).permutation(len(paths))
        for start in range(0, len(paths), _CHUNK_SIZE):
            images, kept = [], []
            for place in order[start : start + _CHUNK_SIZE]:
                try:
                    images.append(read_image(paths[place], self.shape))
                    kept.append(labels[place])
                except ImageFileError as error:
                    self.unreadable.append((paths[place], error.reason))
            if images:
                yield np.stack(images), np.array(kept)
        if len(self.unreadable) >= len(paths) and not self.skip_unreadable:
            self._report_unreadable()  # perhaps none could be read

    def summary(self, counts: dict[str, np.ndarray], origins: list[str]) -> list[str]:
        """Returns the lines about what was read, for the number of images of each class in each split.

        Raises:
            ImageFileError: files could not be read; the message names them.
            DataSetError: no image of a class could be read.
        """
        unreadable = self._report_unreadable()
        classes = list(map(sanitize, self.layout.classes))
        if not counts["train"].all():
            raise DataSetError(
                f"each class must have training images; none of the class {classes[int(counts['train'].argmin())]} can "
                "be read. Add others, or remove the class."
            )
        ignored = [sum(files.values()) for files in self.layout.ignored]
        missing = [
            f"No {split} images of: {some_of(name for name, n in zip(classes, found, strict=True) if not n)}."
            for split, found in counts.items()
            if not found.all()
        ]
        everything = sum(self.layout.ignored, self.layout.ignored_elsewhere)
        table = class_table(classes, counts, ignored)
        return [*table, *origins, *missing, *ignored_line(everything), *self.layout.notes, *unreadable]

    def _report_unreadable(self) -> list[str]:
        """Lists all unreadable files next to the dataset; returns a line about them, or raises `ImageFileError`."""
        listed = append_suffix(self.output_dir.resolve(), "-unreadable.txt")
        if not self.unreadable:
            listed.unlink(missing_ok=True)  # from an earlier attempt
            return []
        self.unreadable.sort()
        lines = [f"{sanitize(path)}\t{sanitize(reason)}\n" for path, reason in self.unreadable]
        where = f"All are listed in {sanitize(listed)}."
        try:
            atomic_write_text(listed, "".join(lines))
        except OSError as error:
            where = f"The full list could not be written to {sanitize(listed)} ({error.strerror})."
        named = "; ".join(f"{sanitize(path)} ({sanitize(reason)})" for path, reason in self.unreadable[:MAX_NAMED])
        more = f"; and {len(lines) - MAX_NAMED:,} more" if len(lines) > MAX_NAMED else ""
        found = f"{named}{more}. {where}"
        if self.skip_unreadable:
            return [f"Left out, because they cannot be read: {counted(len(lines), 'file')}: {found}"]
        total = sum(len(paths) for part in self.layout.images.values() for paths in part)
        raise ImageFileError(
            f"{len(lines):,} of {total:,} files cannot be read: {found} Replace or delete them, or leave them out with "
            "skip_unreadable=True (--skip-unreadable)."
        )


def _remedies(kinds: list[tuple[str, int]]) -> str:
    """Returns what to do about each kind of file.

    >>> _remedies([(".heic", 20), (".nef", 1), (".raf", 1)])
    '.heic, run pip install pillow-heif; for .nef and .raf, convert them to PNG or JPEG'
    """
    by_remedy: dict[str, list[str]] = {}
    for kind, _ in kinds:
        by_remedy.setdefault(remedy(kind), []).append(kind)
    return "; for ".join(f"{' and '.join(found)}, {what}" for what, found in by_remedy.items())
