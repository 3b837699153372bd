"""Predictions for any number of image files and directories, in constant memory."""

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from cifarlab.data.image_files import ImageFileError, list_directory, read_image
from cifarlab.errors import UserError
from cifarlab.evaluation.classifier import Classifier, Prediction, classify
from cifarlab.files import as_path, entries
from cifarlab.text import sanitize

BATCH_SIZE = 32
"""Images per batch: enough to use all processor cores, and so few that the first answers come at once."""


def find_images(paths: Iterable[str | os.PathLike]) -> Iterator[Path | UserError]:
    """Yields the image files that a user passed, and those in the directories, in the given order.

    Args:
        paths: files, which are yielded as they are, and directories, of which only files with image suffixes are.

    Yields:
        The path of a file, or the error about an argument that is neither a file nor a directory with images.

    >>> [str(found) for found in find_images(["not/there.png", "photos/*.jpg"])]  # doctest: +ELLIPSIS
    ['not/there.png', 'images must be files or directories; no file matches photos/*.jpg. ...']
    """
    for given in paths:
        try:
            path = as_path(given)
            if not path.is_dir():
                _check_is_path(given, path)
                yield path
                continue
            found = sorted(_images_below(path))
        except UserError as error:
            yield error
            continue
        if not found:
            inside = len(entries(path))
            yield ImageFileError(
                f"{sanitize(path)} must contain images (PNG, JPEG, GIF, WebP, BMP, ...); found none, but {inside:,} "
                f"other {'entry' if inside == 1 else 'entries'}. Pass another directory."
            )
        yield from found


def _images_below(directory: Path) -> Iterator[Path]:
    """Yields the images below a directory, also those that only a plug-in could read: reading them says which one.

    A raw file next to a readable image of the same name is a copy of it.
    """
    for listing in list_directory(directory).everything():
        stems = {path.stem for path in listing.images}
        yield from listing.images
        yield from (path for path in listing.unsupported if path.stem not in stems)


def _check_is_path(given: str | os.PathLike, path: Path) -> None:
    """Raises ImageFileError for what is not a path, but could be meant as one."""
    text = os.fspath(given)
    if os.path.lexists(path):
        return
    if text == "-":
        found, advice = "standard input (-)", "Save the image to a file, and pass that."
    elif re.match(r"(https?|ftp|s3|gs|file):/", text):
        found, advice = f"the URL {sanitize(text)}", "Download the image, and pass the file."
    elif set("*?[") & set(text):
        raise ImageFileError(
            f"images must be files or directories; no file matches {sanitize(text)}. Check the pattern; the shell "
            "expands one only outside quotes."
        )
    else:
        return  # reading the file says that it does not exist
    raise ImageFileError(f"images must be files or directories; got {found}. {advice}")


def classify_files(
    classifier: Classifier, paths: Iterable[Path | UserError], *, top_k: int = 3, batch_size: int = BATCH_SIZE
) -> Iterator[tuple[Path, list[Prediction]] | UserError]:
    """Classifies image files batch by batch, and yields the results in order, those of a batch as soon as it is done.

    Args:
        classifier: a trained network and its classes.
        paths: paths of image files; errors among them are passed on. `find_images` yields both.
        top_k: the number of classes per image.
        batch_size: the number of images in memory.

    Yields:
        The path of an image and its most probable classes, best first; or the error of a file that cannot be read.
    """
    batch: list[tuple[Path, np.ndarray] | UserError] = []
    for path in paths:
        batch.append(path if isinstance(path, UserError) else _read(path, classifier))
        if len(batch) == batch_size:
            yield from _results(classifier, batch, top_k)
            batch = []
    yield from _results(classifier, batch, top_k)


def _read(path: Path, classifier: Classifier) -> tuple[Path, np.ndarray] | UserError:
    try:
        return path, read_image(path, classifier.dataset.image_shape)
    except UserError as error:
        return error


def _results(
    classifier: Classifier, batch: list[tuple[Path, np.ndarray] | UserError], top_k: int
) -> Iterator[tuple[Path, list[Prediction]] | UserError]:
    images = [read[1] for read in batch if not isinstance(read, UserError)]
    answers = iter(classify(classifier, np.stack(images), top_k=top_k) if images else ())
    for read in batch:
        yield read if isinstance(read, UserError) else (read[0], next(answers))
