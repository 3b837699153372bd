"""House numbers drawn by rule: a stand-in for SVHN, made offline in seconds, in SVHN's own MATLAB files.

A picture is 32 x 32 pixels of a wall or sign with the labelled digit in the middle, and often parts of other digits
at its edges. No picture is mirrored. What can be seen in it is drawn by `_drawing`: `numerals`, `walls`, `camera`.

The same labels and seed give the same bytes on every processor and with every numpy. One thing is left to others:
FreeType draws the digits' outlines, and every Pillow brings its own version of it. The outlines are kept in steps of a
quarter of a pixel; FreeType 2.13 and 2.14 give the same.
"""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cifarlab.data.sources._drawing import camera, numerals, walls
from cifarlab.data.sources._drawing.shapes import SIZE, Dice, Sketch, checked_labels
from cifarlab.files import atomic_write

_CHUNK = 200  # pictures at once: enough that numpy's overhead vanishes, few enough for the processor's cache
_NOISE = (3 * camera.BLOTCHES * camera.BLOTCHES, camera.GRAINS * camera.GRAINS)
_TABLE = (19, 14, 36, 20, 18, *_NOISE)  # random numbers a picture has for its number, view, paint, ground and camera
_HEADER = b"MATLAB 5.0 MAT-file, house numbers drawn by cifarlab".ljust(116)  # scipy's has the time in it


def draw(labels: np.ndarray, seed: int | Sequence[int]) -> np.ndarray:
    """Draws a picture of a house number for each label, with the labelled digit in its middle.

    Args:
        labels: integers [N], each in 0-9, the digits.
        seed: an integer or integers, 0 or above. The same labels and seed give the same bytes, given one FreeType.

    Returns:
        uint8[N, 32, 32, 3], rows x columns x RGB, 0-255.

    Raises:
        ValueError: labels that are not integers in 0-9 along one axis.

    >>> images = draw(np.array([4, 2]), seed=0)
    >>> images.shape, images.dtype.name
    ((2, 32, 32, 3), 'uint8')
    """
    labels = checked_labels(labels, 10)
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed)))
    images = np.empty([len(labels), SIZE, SIZE, 3], np.uint8)
    for start in range(0, len(labels), _CHUNK):
        part = labels[start : start + _CHUNK]
        # Row by row off one stream: what a picture gets does not depend on where a chunk ends.
        images[start : start + _CHUNK] = _draw_chunk(part, rng.random([len(part), sum(_TABLE)]))
    return images


def write_files(folder: str | os.PathLike, *, train: int = 6_000, test: int = 1_500, seed: int = 0) -> None:
    """Writes `train_32x32.mat` and `test_32x32.mat` as SVHN has them, each beside its place and then moved.

    A file holds X, uint8[32, 32, 3, N], and y, uint8[N, 1], in which the digit zero has the label 10. Digits are as
    unevenly frequent as among SVHN's training digits, to the nearest picture, and in shuffled order.

    Args:
        folder: an existing one; files of these names that are there are replaced.
        train: pictures to train on, 1 or more.
        test: pictures to test on, 1 or more; no training picture is among them.
        seed: 0 or above; another seed gives other pictures.

    Raises:
        ValueError: numbers of pictures below 1.
        OSError: a file cannot be written.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> write_files(folder, train=30, test=10)
    >>> sorted(path.name for path in folder.iterdir())
    ['test_32x32.mat', 'train_32x32.mat']
    """
    if train < 1 or test < 1:
        raise ValueError(f"train and test are numbers of pictures, 1 or more; got train={train}, test={test}.")
    for index, (name, count) in enumerate((("train_32x32.mat", train), ("test_32x32.mat", test))):
        labels = _shuffled_labels(count, [seed, index, 0])
        _save(Path(folder, name), draw(labels, [seed, index, 1]), labels)


def _save(path: Path, images: np.ndarray, labels: np.ndarray) -> None:
    from scipy.io import savemat

    variables = {
        "X": images.transpose(1, 2, 3, 0),  # [N, 32, 32, 3] -> [32, 32, 3, N]
        "y": np.where(labels == 0, 10, labels).astype(np.uint8)[:, None],
    }
    with atomic_write(path, "wb") as file:
        savemat(file, variables, do_compression=True)
        file.seek(0)
        file.write(_HEADER)  # so that the same pictures are the same file


def _shuffled_labels(count: int, seed: Sequence[int]) -> np.ndarray:
    """int64[count], each digit as often as its share of SVHN's says, rounded so that they add up."""
    exact = numerals.SHARES * count
    shares = np.floor(exact).astype(int)
    shares[np.argsort(shares - exact, kind="stable")[: count - shares.sum()]] += 1  # those that rounding cost most
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed)))
    return np.repeat(np.arange(10), shares)[np.argsort(rng.random(count), kind="stable")]


def _draw_chunk(labels: np.ndarray, table: np.ndarray) -> np.ndarray:
    """Draws pictures, each from its label and its row of the table: uint8[N, 32, 32, 3]."""
    of_number, of_view, of_paint, of_ground, of_camera, blotches, grain = np.split(
        table, np.cumsum(_TABLE)[:-1], axis=1
    )
    numbers = numerals.hang(labels, Dice(of_number))
    s, paint = camera.view(len(labels), Dice(of_view)), Dice(of_paint)
    s.light = walls.lighting(s, paint)
    ground, digit = walls.colours(paint)
    for plane, value in zip(s.canvas, ground, strict=True):
        plane[...] = value * s.light
    kinds = numerals.pick(of_ground[:, 0], [often for _, often in walls.GROUNDS])
    for kind, (cover, _) in enumerate(walls.GROUNDS):
        rows = np.flatnonzero(kinds == kind)
        if rows.size:
            part = Sketch(np.ascontiguousarray(s.canvas[:, rows]), s.x[rows], s.y[rows], s.pixel[rows], s.light[rows])
            cover(part, Dice(of_ground[rows, 1:]), numbers.of(rows), ground[:, rows])
            s.canvas[:, rows] = part.canvas
    walls.mount(s, paint, numbers, digit)
    return camera.photograph(s.canvas, ground, Dice(of_camera), blotches, grain)
