"""Ten classes of pictures drawn by rule: the data set of all lessons, made offline in seconds. numpy only.

It stands in for CIFAR-10: the same ten classes, shapes and files, and pairs that are as easily confused. A picture
is a place, a figure in some pose, something in front of it on some, and a camera's light and grain; what can be
seen in it is drawn by `_drawing`. The same seed gives the same bytes on every processor and with every numpy;
`_drawing.shapes` says how.
"""

import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cifarlab.data.records import CLASSES, TEST_FILES, TRAIN_FILES, write_records
from cifarlab.data.sources._drawing import craft, grazers, pets, pond, scenes, wheeled
from cifarlab.data.sources._drawing.shapes import SIZE, Dice, Painter, Sketch, checked_labels
from cifarlab.errors import UserError

_META = "batches.meta.txt"  # the class names, one a line, as in CIFAR-10's archive

_KINDS: dict[str, tuple[Sequence[Painter], Sequence[Painter]]] = {  # class: its poses, its usual places
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
_USUAL = 0.5  # how often a class is seen in a usual place: a hint, not the answer
_IN_FRONT = 0.35  # how often something stands in front of the figure
_CHUNK = 1_000  # pictures at once: enough that numpy's overhead vanishes, few enough for the processor's cache
_TABLE = (160, 130, 50, 30)  # random numbers a picture has for its place, figure, what is in front, and camera


class DrawnError(UserError):
    """A folder that a drawn data set must not replace."""


def draw(labels: np.ndarray, seed: int | Sequence[int]) -> np.ndarray:
    """Draws one picture for each label.

    Args:
        labels: integers [N], each in 0-9, the index of a class in `CLASSES`.
        seed: an integer or integers, 0 or above. The same labels and seed give the same bytes.

    Returns:
        uint8[N, 32, 32, 3], rows x columns x RGB, 0-255.

    Raises:
        ValueError: labels that are not integers in 0-9 along one axis.

    >>> images = draw(np.array([3, 5]), seed=0)  # a cat and a dog
    >>> images.shape, images.dtype.name
    ((2, 32, 32, 3), 'uint8')
    """
    labels = checked_labels(labels, len(CLASSES))
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed)))
    images = np.empty([len(labels), SIZE, SIZE, 3], np.uint8)
    for start in range(0, len(labels), _CHUNK):
        part = labels[start : start + _CHUNK]
        # Row by row off one stream: what a picture gets does not depend on where a chunk ends.
        table = rng.random([len(part), sum(_TABLE) + 3 * SIZE * SIZE])
        images[start : start + _CHUNK] = _draw_chunk(part, table)
    return images


def write_data_set(folder: str | os.PathLike, *, seed: int = 0, train: int = 10_000, test: int = 2_000) -> None:
    """Draws a whole data set into a folder, in CIFAR-10's files and format.

    The files are made in a temporary folder beside, which then takes the name: a folder of this name is never a
    half-made data set. In every file the classes are balanced and in shuffled order.

    Args:
        folder: where the six record files and `batches.meta.txt` will lie; a data set that is there is replaced.
        seed: 0 or above; another seed gives another data set.
        train: pictures in the five training files together, a multiple of 50.
        test: pictures in the test file, a multiple of 10; no training picture is among them.

    Raises:
        ValueError: numbers of pictures that the classes and files cannot share evenly, or a folder that holds
            other files.

    >>> folder = Path(tempfile.mkdtemp()) / "drawn"
    >>> write_data_set(folder, train=50, test=10)
    >>> len(list(folder.iterdir()))
    7
    """
    if train <= 0 or train % 50 or test <= 0 or test % 10:
        raise ValueError(
            f"train is a multiple of 50 and test of 10, above zero, so that ten classes fill every file evenly; "
            f"got train={train}, test={test}."
        )
    folder = Path(folder)
    _check_replaceable(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=folder.name + ".", suffix=".part", dir=folder.parent))
    try:
        for index, name in enumerate(TRAIN_FILES + TEST_FILES):
            labels = _shuffled_labels(test if name in TEST_FILES else train // 5, [seed, index, 0])
            write_records(beside / name, draw(labels, [seed, index, 1]), labels)
        (beside / _META).write_text("\n".join(CLASSES) + "\n", encoding="ascii")
        beside.chmod(0o755)  # mkdtemp makes it private; a data set may be shared
        _put_in_place(beside, folder)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _check_replaceable(folder: Path) -> None:
    """Refuses to replace anything but a data set, whole or in part."""
    strange = {folder.name} if folder.is_file() else set()
    if folder.is_dir():
        strange = {path.name for path in folder.iterdir()} - {*TRAIN_FILES, *TEST_FILES, _META}
    if strange:
        raise DrawnError(
            f"{folder} holds {min(strange)!r}, which is no file of a drawn data set, and would be replaced. "
            "Remove it, or name another folder."
        )


def _put_in_place(beside: Path, folder: Path) -> None:
    try:
        beside.rename(folder)
    except OSError:  # an older data set is there, or another process was quicker
        old = beside.with_suffix(".old")
        folder.rename(old)
        beside.rename(folder)
        shutil.rmtree(old, ignore_errors=True)


def _shuffled_labels(count: int, seed: Sequence[int]) -> np.ndarray:
    """int64[count], each class as often as every other."""
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed)))
    return (np.arange(count) % len(CLASSES))[np.argsort(rng.random(count), kind="stable")]


def _draw_chunk(labels: np.ndarray, table: np.ndarray) -> np.ndarray:
    """Draws pictures, each from its label and its row of the table: uint8[N, 32, 32, 3]."""
    canvas = np.empty([3, len(labels), SIZE, SIZE], np.float32)
    place, figure, front, camera, grain = np.split(table, np.cumsum(_TABLE), axis=1)
    shown = _places(labels, place[:, 0], place[:, 1])
    for index, paint in enumerate(scenes.PLACES):
        _paint(canvas, shown == index, paint, _whole_picture, place[:, 2:])
    for label, (poses, _) in enumerate(_KINDS.values()):
        pose = np.where(labels == label, _index(figure[:, 0], len(poses)), -1)
        for index, paint in enumerate(poses):
            _paint(canvas, pose == index, paint, _figure_space, figure[:, 1:])
    covered = np.where(front[:, 0] < _IN_FRONT, _index(front[:, 1], len(scenes.IN_FRONT)), -1)
    for index, paint in enumerate(scenes.IN_FRONT):
        _paint(canvas, covered == index, paint, _whole_picture, front[:, 2:])
    return _photograph(canvas, Dice(camera), grain)


def _index(uniform: np.ndarray, count: int) -> np.ndarray:
    return np.floor(uniform * count).astype(int)


def _places(labels: np.ndarray, chance: np.ndarray, choice: np.ndarray) -> np.ndarray:
    """The index in `scenes.PLACES` of each picture's place: a usual one of its class, or any."""
    usual = np.array([[scenes.PLACES.index(place) for place in places] for _, places in _KINDS.values()])
    return np.where(chance < _USUAL, usual[labels, _index(choice, usual.shape[1])], _index(choice, len(scenes.PLACES)))


def _paint(canvas: np.ndarray, chosen: np.ndarray, paint: Painter, space, table: np.ndarray) -> None:
    """Paints the chosen pictures of the canvas, all of one kind."""
    rows = np.flatnonzero(chosen)
    if rows.size:
        part, dice = np.ascontiguousarray(canvas[:, rows]), Dice(table[rows])
        paint(space(part, dice), dice)
        canvas[:, rows] = part


def _whole_picture(canvas: np.ndarray, dice: Dice | None = None) -> Sketch:
    """Coordinates of -1 to 1 across the picture."""
    line = (np.arange(SIZE, dtype=np.float32) * 2 + (1 - SIZE)) / SIZE
    return Sketch(canvas, line[None, None, :], line[None, :, None], 2 / SIZE)


def _figure_space(canvas: np.ndarray, dice: Dice) -> Sketch:
    """Coordinates of -1 to 1 across the figure: somewhere, of some size, tilted, mirrored, lit from one side."""
    picture = _whole_picture(canvas)
    picture.light = 1.0 + picture.x * dice(-0.2, 0.2) - picture.y * dice(0.0, 0.25)
    size = dice(0.5, 0.8)
    room = (0.92 - size) * 0.8  # a small figure may stand far off the middle, a large one may not
    tilt = (dice(-0.13, 0.13) + dice(-0.13, 0.13)).ravel()
    figure = picture.at(dice(-1, 1) * room, dice(-0.6, 1) * room, size, tilt)
    figure.x = figure.x * (1.0 - 2.0 * dice.coin(0.5))
    return figure


def _photograph(canvas: np.ndarray, dice: Dice, grain: np.ndarray) -> np.ndarray:
    """What a camera makes of the canvas: exposure, contrast, a colour cast, grain; uint8[N, 32, 32, 3]."""
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
