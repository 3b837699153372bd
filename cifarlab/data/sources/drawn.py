"""The generated dataset `drawn`: procedurally drawn images of ten classes, made offline in seconds. Needs only NumPy.

It replaces CIFAR-10 in all lessons: it has the same classes, shapes and files, and classes that are similarly easy to
confuse. An image consists of a background, a figure in some pose, sometimes a foreground object, and a camera's
exposure and noise; `_drawing` draws them. The same seed gives the same bytes on every processor and with every version
of NumPy; `_drawing.shapes` explains how.
"""

import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cifarlab.data.records import CLASSES, TEST_FILES, TRAIN_FILES, write_records
from cifarlab.data.sources._drawing import craft, grazers, pets, pond, scenes, wheeled
from cifarlab.data.sources._drawing.shapes import SIZE, Dice, Painter, Sketch, validate_labels
from cifarlab.errors import UserError

_META = "batches.meta.txt"  # the class names, one per line, as in CIFAR-10's archive

_KINDS: dict[str, tuple[Sequence[Painter], Sequence[Painter]]] = {  # class: (poses, usual backgrounds)
    "airplane": (craft.AIRPLANES, (scenes.open_sky, scenes.open_sky, scenes.meadow)),
    "automobile": (wheeled.AUTOMOBILES, (scenes.street, scenes.street, scenes.meadow)),
    "bird": (pond.BIRDS, (scenes.open_sky, scenes.forest, scenes.shore)),
    "cat": (pets.CATS, (scenes.room, scenes.room, scenes.meadow)),
    "deer": (grazers.DEER, (scenes.forest, scenes.forest, scenes.meadow)),
    "dog": (pets.DOGS, (scenes.room, scenes.meadow, scenes.street)),
    "frog": (pond.FROGS, (scenes.shore, scenes.shore, scenes.forest)),
    "horse": (grazers.HORSES, (scenes.meadow, scenes.meadow, scenes.forest)),
    "ship": (craft.SHIPS, (scenes.sea, scenes.sea, scenes.shore)),
    "truck": (wheeled.TRUCKS, (scenes.street, scenes.street, scenes.meadow)),
}
_USUAL = 0.5  # probability of a usual background, which is only a hint of the class
_IN_FRONT = 0.35  # probability of an object in front of the figure
_CHUNK = 1_000  # images at a time: enough to amortize NumPy's overhead, few enough for the processor's cache
_TABLE = (160, 130, 50, 30)  # random numbers per image for background, figure, foreground and camera


class DrawnError(UserError):
    """A directory with other files, which must not be replaced."""


def draw(labels: np.ndarray, seed: int | Sequence[int]) -> np.ndarray:
    """Draws one image for each label.

    Args:
        labels: integers[N] in 0-9, indices into `CLASSES`.
        seed: one or more nonnegative integers. The same labels and seed give the same bytes.

    Returns:
        uint8[N, 32, 32, 3], rows x columns x RGB, 0-255.

    Raises:
        ValueError: the labels are not integers[N] in 0-9.

    >>> images = draw(np.array([3, 5]), seed=0)  # a cat and a dog
    >>> images.shape, images.dtype.name
    ((2, 32, 32, 3), 'uint8')
    """
    labels = validate_labels(labels, len(CLASSES))
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed)))
    images = np.empty([len(labels), SIZE, SIZE, 3], np.uint8)
    for start in range(0, len(labels), _CHUNK):
        part = labels[start : start + _CHUNK]
        # One row of random numbers per image, so that an image does not depend on the chunk size.
        table = rng.random([len(part), sum(_TABLE) + 3 * SIZE * SIZE])
        images[start : start + _CHUNK] = _draw_chunk(part, table)
    return images


def write_data_set(directory: str | os.PathLike, *, seed: int = 0, train: int = 10_000, test: int = 2_000) -> None:
    """Draws a dataset and writes it in CIFAR-10's files and format.

    The files are written to a temporary directory, which is renamed at the end, so the directory is never incomplete.
    In every file the classes are balanced and shuffled.

    Args:
        directory: the directory for the six record files and `batches.meta.txt`; an existing dataset is replaced.
        seed: a nonnegative integer; each seed gives a different dataset.
        train: number of images in the five training files together, a multiple of 50.
        test: number of images in the test file, a multiple of 10; they differ from all training images.

    Raises:
        ValueError: the images cannot be divided evenly among classes and files, or the directory contains other files.

    >>> directory = Path(tempfile.mkdtemp()) / "drawn"
    >>> write_data_set(directory, train=50, test=10)
    >>> len(list(directory.iterdir()))
    7
    """
    if train <= 0 or train % 50 or test <= 0 or test % 10:
        raise ValueError(
            f"train must be a positive multiple of 50 and test a positive multiple of 10; got train={train}, "
            f"test={test}."
        )
    directory = Path(directory)
    _check_replaceable(directory)
    directory.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=directory.name + ".", suffix=".part", dir=directory.parent))
    try:
        for index, name in enumerate(TRAIN_FILES + TEST_FILES):
            labels = _shuffled_labels(test if name in TEST_FILES else train // 5, [seed, index, 0])
            write_records(scratch / name, draw(labels, [seed, index, 1]), labels)
        (scratch / _META).write_text("\n".join(CLASSES) + "\n", encoding="ascii")
        scratch.chmod(0o755)  # mkdtemp creates a private directory, but datasets are shared
        _move_into_place(scratch, directory)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _check_replaceable(directory: Path) -> None:
    """Raises `DrawnError` if the directory contains anything but files of a dataset."""
    foreign = {directory.name} if directory.is_file() else set()
    if directory.is_dir():
        foreign = {path.name for path in directory.iterdir()} - {*TRAIN_FILES, *TEST_FILES, _META}
    if foreign:
        raise DrawnError(
            f"{directory} must contain only files of a drawn dataset, because it is replaced; got {min(foreign)!r}. "
            "Remove it, or choose another directory."
        )


def _move_into_place(scratch: Path, directory: Path) -> None:
    try:
        scratch.rename(directory)
    except OSError:  # there is an older dataset, or another process was faster
        old = scratch.with_suffix(".old")
        directory.rename(old)
        scratch.rename(directory)
        shutil.rmtree(old, ignore_errors=True)


def _shuffled_labels(count: int, seed: Sequence[int]) -> np.ndarray:
    """Returns shuffled labels, int64[count], with the same number of each class."""
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed)))
    return (np.arange(count) % len(CLASSES))[np.argsort(rng.random(count), kind="stable")]


def _draw_chunk(labels: np.ndarray, table: np.ndarray) -> np.ndarray:
    """Draws images from their labels and rows of random numbers, uint8[N, 32, 32, 3]."""
    canvas = np.empty([3, len(labels), SIZE, SIZE], np.float32)
    place, figure, front, camera, grain = np.split(table, np.cumsum(_TABLE), axis=1)
    shown = _places(labels, place[:, 0], place[:, 1])
    for index, paint in enumerate(scenes.PLACES):
        _paint(canvas, shown == index, paint, _image_space, place[:, 2:])
    for label, (poses, _) in enumerate(_KINDS.values()):
        pose = np.where(labels == label, _index(figure[:, 0], len(poses)), -1)
        for index, paint in enumerate(poses):
            _paint(canvas, pose == index, paint, _figure_space, figure[:, 1:])
    covered = np.where(front[:, 0] < _IN_FRONT, _index(front[:, 1], len(scenes.IN_FRONT)), -1)
    for index, paint in enumerate(scenes.IN_FRONT):
        _paint(canvas, covered == index, paint, _image_space, front[:, 2:])
    return _photograph(canvas, Dice(camera), grain)


def _index(uniform: np.ndarray, count: int) -> np.ndarray:
    return np.floor(uniform * count).astype(int)


def _places(labels: np.ndarray, chance: np.ndarray, choice: np.ndarray) -> np.ndarray:
    """Chooses a background for each image, usual for its class or not, and returns its index in `scenes.PLACES`."""
    usual = np.array([[scenes.PLACES.index(place) for place in places] for _, places in _KINDS.values()])
    return np.where(chance < _USUAL, usual[labels, _index(choice, usual.shape[1])], _index(choice, len(scenes.PLACES)))


def _paint(canvas: np.ndarray, chosen: np.ndarray, paint: Painter, space, table: np.ndarray) -> None:
    """Applies a painter to the chosen images of the canvas."""
    rows = np.flatnonzero(chosen)
    if rows.size:
        part, dice = np.ascontiguousarray(canvas[:, rows]), Dice(table[rows])
        paint(space(part, dice), dice)
        canvas[:, rows] = part


def _image_space(canvas: np.ndarray, dice: Dice | None = None) -> Sketch:
    """Returns a sketch with coordinates from -1 to 1 across the image."""
    line = (np.arange(SIZE, dtype=np.float32) * 2 + (1 - SIZE)) / SIZE
    return Sketch(canvas, line[None, None, :], line[None, :, None], 2 / SIZE)


def _figure_space(canvas: np.ndarray, dice: Dice) -> Sketch:
    """Returns a sketch for the figure with a random position, size, tilt, mirroring and light."""
    picture = _image_space(canvas)
    picture.light = 1.0 + picture.x * dice(-0.2, 0.2) - picture.y * dice(0.0, 0.25)
    size = dice(0.5, 0.8)
    room = (0.92 - size) * 0.8  # small figures may be farther from the center than large ones
    tilt = (dice(-0.13, 0.13) + dice(-0.13, 0.13)).ravel()
    figure = picture.at(dice(-1, 1) * room, dice(-0.6, 1) * room, size, tilt)
    figure.x = figure.x * (1.0 - 2.0 * dice.coin(0.5))
    return figure


def _photograph(canvas: np.ndarray, dice: Dice, grain: np.ndarray) -> np.ndarray:
    """Applies random exposure, contrast, color cast and noise to the canvas; returns uint8[N, 32, 32, 3]."""
    contrast, bright, noise = dice(0.7, 1.15), dice(-0.1, 0.1), dice(0.0, 1.0)
    noise = 0.02 + 0.1 * noise * noise
    grain = grain.reshape(-1, 3, SIZE, SIZE).astype(np.float32)
    images = np.empty([canvas.shape[1], SIZE, SIZE, 3], np.uint8)
    for channel, plane in enumerate(canvas):
        cast, tint = dice(0.93, 1.07), dice(-0.04, 0.04)
        plane = (plane - 0.5) * (contrast * cast) + (bright + tint + 0.5)
        plane = plane + (grain[:, channel] - 0.5) * noise
        images[..., channel] = np.clip(np.floor(plane * 255.0 + 0.5), 0.0, 255.0).astype(np.uint8)
    return images
