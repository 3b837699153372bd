"""The generated dataset `street_digits`: drawn house numbers in SVHN's format, made offline in seconds.

An image has 32 x 32 pixels and shows a wall or sign with the labeled digit in the center, often with parts of other
digits at the edges. Images are never mirrored. `_drawing` draws them in `numerals`, `walls` and `camera`.

The same labels and seed give the same bytes on every processor and with every version of NumPy. The exception is
FreeType, which renders the outlines of the digits: each version of Pillow contains a different version. Outlines are
therefore rounded to a quarter of a pixel; FreeType 2.13 and 2.14 give the same result.
"""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cifarlab.data.sources._drawing import camera, numerals, walls
from cifarlab.data.sources._drawing.shapes import SIZE, Dice, Sketch, validate_labels
from cifarlab.files import atomic_write

_CHUNK = 200  # images at a time: enough to amortize NumPy's overhead, few enough for the processor's cache
_NOISE = (3 * camera.BLOTCHES * camera.BLOTCHES, camera.GRAINS * camera.GRAINS)
_TABLE = (19, 14, 36, 20, 18, *_NOISE)  # random numbers per image for number, view, paint, background and camera
_HEADER = b"MATLAB 5.0 MAT-file, house numbers drawn by cifarlab".ljust(116)  # without the time that SciPy writes


def draw(labels: np.ndarray, seed: int | Sequence[int]) -> np.ndarray:
    """Draws an image of a house number for each label, with the labeled digit in its center.

    Args:
        labels: integers[N] in 0-9, the digits.
        seed: one or more nonnegative integers. The same labels, seed and FreeType give the same bytes.

    Returns:
        uint8[N, 32, 32, 3], rows x columns x RGB, 0-255.

    Raises:
        ValueError: the labels are not integers[N] in 0-9.

    >>> images = draw(np.array([4, 2]), seed=0)
    >>> images.shape, images.dtype.name
    ((2, 32, 32, 3), 'uint8')
    """
    labels = validate_labels(labels, 10)
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed)))
    images = np.empty([len(labels), SIZE, SIZE, 3], np.uint8)
    for start in range(0, len(labels), _CHUNK):
        part = labels[start : start + _CHUNK]
        # One row of random numbers per image, so that an image does not depend on the chunk size.
        images[start : start + _CHUNK] = _draw_chunk(part, rng.random([len(part), sum(_TABLE)]))
    return images


def write_files(directory: str | os.PathLike, *, train: int = 6_000, test: int = 1_500, seed: int = 0) -> None:
    """Writes `train_32x32.mat` and `test_32x32.mat` in SVHN's format, each atomically.

    A file contains X, uint8[32, 32, 3, N], and y, uint8[N, 1], in which the digit zero has the label 10. Digits are
    shuffled and have the same frequencies as SVHN's training digits, rounded to whole images.

    Args:
        directory: an existing directory; existing files with these names are replaced.
        train: number of training images, at least 1.
        test: number of test images, at least 1; they differ from all training images.
        seed: a nonnegative integer; each seed gives different images.

    Raises:
        ValueError: a number of images is less than 1.
        OSError: a file cannot be written.

    >>> import tempfile
    >>> directory = Path(tempfile.mkdtemp())
    >>> write_files(directory, train=30, test=10)
    >>> sorted(path.name for path in directory.iterdir())
    ['test_32x32.mat', 'train_32x32.mat']
    """
    if train < 1 or test < 1:
        raise ValueError(f"train and test must be at least 1; got train={train}, test={test}.")
    for index, (name, count) in enumerate((("train_32x32.mat", train), ("test_32x32.mat", test))):
        labels = _shuffled_labels(count, [seed, index, 0])
        _save(Path(directory, name), draw(labels, [seed, index, 1]), labels)


def _save(path: Path, images: np.ndarray, labels: np.ndarray) -> None:
    from scipy.io import savemat

    variables = {
        "X": images.transpose(1, 2, 3, 0),  # [N, 32, 32, 3] -> [32, 32, 3, N]
        "y": np.where(labels == 0, 10, labels).astype(np.uint8)[:, None],
    }
    with atomic_write(path, "wb") as file:
        savemat(file, variables, do_compression=True)
        file.seek(0)
        file.write(_HEADER)  # so that the same images give the same file


def _shuffled_labels(count: int, seed: Sequence[int]) -> np.ndarray:
    """Returns shuffled labels, int64[count], with SVHN's frequencies, rounded so that they sum to `count`."""
    exact = numerals.SHARES * count
    shares = np.floor(exact).astype(int)
    shares[np.argsort(shares - exact, kind="stable")[: count - shares.sum()]] += (
        1  # the digits that lost most by rounding
    )
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed)))
    return np.repeat(np.arange(10), shares)[np.argsort(rng.random(count), kind="stable")]


def _draw_chunk(labels: np.ndarray, table: np.ndarray) -> np.ndarray:
    """Draws images from their labels and rows of random numbers, uint8[N, 32, 32, 3]."""
    of_number, of_view, of_paint, of_ground, of_camera, blotches, grain = np.split(
        table, np.cumsum(_TABLE)[:-1], axis=1
    )
    numbers = numerals.hang(labels, Dice(of_number))
    s, paint = camera.view(len(labels), Dice(of_view)), Dice(of_paint)
    s.light = walls.lighting(s, paint)
    ground, digit = walls.colors(paint)
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
