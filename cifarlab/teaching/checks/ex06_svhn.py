"""The checks of exercise 6 that do not need a network: reading SVHN's files, and a custom distortion."""

import tempfile
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from cifarlab.backend import tf
from cifarlab.data import distortions
from cifarlab.teaching.checks.examiner import Examiner
from cifarlab.teaching.checks.result import Advice, CheckPassed
from cifarlab.teaching.checks.student_calls import Raised, capture_exception, short_repr

_AXES_AS_STORED = Advice(
    "axes-as-stored", "the axes are as in the file, with the images last: move that axis to the front."
)
_ROWS_AND_COLUMNS_SWAPPED = Advice(
    "rows-and-columns-swapped",
    "rows and columns are swapped, so every digit lies on its side: rows come first.",
)
_CHANNELS_FIRST = Advice("channels-first", "the channels come before rows and columns; they should be the last axis.")
_BLUE_FIRST = Advice("blue-first", "red and blue are swapped: red comes first, in the file and in this course.")
_MIRRORED = Advice("mirrored", "every image is mirrored.")
_UPSIDE_DOWN = Advice("upside-down", "every image is upside down.")
_RESHAPED = Advice(
    "reshaped",
    "`reshape` does not move axes: it keeps the values in the file's order, which mixes the images.",
)
_TEN_FOR_ZERO = Advice("ten-for-zero", "the labels are as in the file, where a zero has the label 10: it should be 0.")
_SHIFTED_LABELS = Advice(
    "shifted-labels",
    "the labels are shifted by one: in the file a 1 has the label 1, and only the zero is special.",
)
_TWO_AXES = Advice("two-axes", "the labels have the file's two axes; they should have one.")
_TWO_AXES_AND_TEN = Advice(
    "two-axes-and-ten", "the labels have the file's two axes, and a zero still has the label 10."
)
_NINE_FOR_ZERO = Advice(
    "nine-for-zero", "the zeros have the label 9, their position in the file's numbering: it should be 0."
)
_NEGATED = Advice(
    "negated",
    "the values are only negated: 255 minus the value stays in 0 to 255, which other distortions expect.",
)
_ONE_MINUS = Advice("one-minus", "1 minus the value is the negative for values from 0 to 1; here they are 0 to 255.")
_OUT_OF_RANGE = Advice("out-of-range", "256 minus the value is outside 0 to 255 for black.")
_MIRROR_IMAGES = Advice("mirrored", "these are mirror images. Change the colors, but do not move any pixels.")
_TURNED_UPSIDE_DOWN = Advice("upside-down", "these are upside down. Change the colors, but do not move any pixels.")


def check_read_digits(read_digits: Any, *, key: str | None = None) -> CheckPassed:
    """Checks a student's function `read_digits(path)`, which reads an SVHN file.

    Args:
        read_digits: takes the path of a MATLAB file and returns images, uint8[N, 32, 32, 3], and labels, integers [N]
            in 0-9.
        key: the instructor's key, which selects different cases.

    Raises:
        CheckFailedError: the answer is wrong; the message says why.
    """
    examiner = Examiner("read_digits", key)
    with tempfile.TemporaryDirectory() as folder:
        for number, count in enumerate(examiner.random.permutation([11, 17, 23])):
            _check_file(examiner, read_digits, Path(folder, f"{number}_32x32.mat"), int(count))
    return examiner.passed("the images are upright and in color, with labels from 0 to 9, like this course's datasets.")


def _check_file(examiner: Examiner, read_digits: Any, path: Path, count: int) -> None:
    """Fails the check unless the function reads a file of `count` images correctly."""
    import scipy.io

    pixels = examiner.random.integers(0, 256, [32, 32, 3, count], dtype=np.uint8)
    labels = np.concatenate([[1, 9, 10, 10], examiner.random.integers(1, 11, count - 4)])
    examiner.random.shuffle(labels)
    scipy.io.savemat(path, {"X": pixels, "y": labels[:, None].astype(np.uint8)})
    got = examiner.call(read_digits, str(path))
    if not isinstance(got, tuple | list) or len(got) != 2:
        examiner.fail("not-two-values", f"return two values, images and labels; got {short_repr(got)}.")
    _check_images(examiner, got[0], np.moveaxis(pixels, 3, 0), pixels)
    _check_labels(examiner, got[1], labels)


def _check_images(examiner: Examiner, got: Any, right: np.ndarray, as_stored: np.ndarray) -> None:
    numbers = examiner.as_array(got, "the images")
    scaled = Advice(
        "scaled",
        "the pixels are scaled: keep 0 to 255, as in CIFAR-10's records. The pipeline standardizes them later.",
    )
    examiner.assert_close(
        numbers,
        right,
        what="the images",
        misconceptions={
            _AXES_AS_STORED: as_stored,
            _ROWS_AND_COLUMNS_SWAPPED: right.swapaxes(1, 2),
            _CHANNELS_FIRST: np.moveaxis(right, 3, 1),
            _BLUE_FIRST: right[..., ::-1],
            _MIRRORED: right[:, :, ::-1],
            _UPSIDE_DOWN: right[:, ::-1],
            _RESHAPED: as_stored.reshape(right.shape),
            scaled: right / 255,
        },
        fallback=Advice("other-images", "Are the images in the file's order, with the axes rows, columns and colors?"),
    )
    if getattr(got, "dtype", None) != np.uint8:
        examiner.fail("not-uint8", f"the images should be uint8, as pixels are stored; got {short_repr(got)}.")


def _check_labels(examiner: Examiner, got: Any, stored: np.ndarray) -> None:
    right = stored % 10
    numbers = examiner.as_array(got, "the labels")
    examiner.assert_close(
        numbers,
        right,
        what="the labels",
        misconceptions={
            _TEN_FOR_ZERO: stored,
            _SHIFTED_LABELS: stored - 1,
            _TWO_AXES: right[:, None],
            _TWO_AXES_AND_TEN: stored[:, None],
            _NINE_FOR_ZERO: np.where(stored == 10, 9, stored),
        },
        fallback=Advice("other-labels", "Each image should have its digit as label, and a zero the label 0."),
    )
    kind: Any = getattr(got, "dtype", np.asarray(got).dtype)  # NumPy's or TensorFlow's; both have a name
    if kind.name[:3] not in ("int", "uin"):
        examiner.fail("not-integers", f"the labels should be integers; got {short_repr(got)}.")


def check_negative(negative: Any, *, key: str | None = None) -> CheckPassed:
    """Checks a student's distortion `negative(images, seed)`, which turns about half of the images into negatives.

    Args:
        negative: takes images [B, rows, columns, channels], 0-255, and a seed, int32[2] or int32[4]; returns images of
            the same shape, each unchanged or with 255 minus each value, decided by the seed for each image separately.
        key: the instructor's key, which selects different cases.

    Raises:
        CheckFailedError: the answer is wrong; the message says why.
    """
    examiner = Examiner("negative", key)
    images = tf.constant(examiner.random.uniform(1, 254, [64, 6, 5, 3]).round(), tf.float32)
    seed, step = (int(number) for number in examiner.random.integers(1, 1000, 2))
    chosen = _chosen(examiner, negative, images, [seed, step])
    if not np.array_equal(chosen, _chosen(examiner, negative, images, [seed, step])):
        examiner.fail(
            "not-repeatable",
            "the same seed gave two results, so runs could not be repeated: draw with "
            "`distortions.per_image_uniform`, or with TensorFlow's stateless functions, from the given seed.",
        )
    others = [_chosen(examiner, negative, images, other) for other in ([seed, step + 1], [seed + 1, step])]
    if np.array_equal(chosen, others[0]) or np.array_equal(chosen, others[1]):
        what = "step" if np.array_equal(chosen, others[0]) else "run"
        examiner.fail(
            "seed-partly-used", f"the choice is the same in another {what}: use the whole seed for the draws."
        )
    for number, name in enumerate(("random_crop", *(one.__name__ for one in distortions.BY_NAME.values())), start=1):
        draws = distortions.per_image_uniform(images, [1, 1, 1], [seed, step], number).numpy().ravel()
        if np.array_equal(chosen, draws < 0.5) or np.array_equal(chosen, draws >= 0.5):
            examiner.fail(
                "same-draws", f"these are the draws of {name}, so the two always coincide: use a number from 10 on."
            )
    if not 14 <= chosen.sum() <= 50:
        examiner.fail("not-half", f"about half of the images should become negatives; got {chosen.sum()} of 64.")
    _check_in_graph(examiner, negative, images, [seed, step], chosen)
    whole = tf.cast(images, tf.uint8)
    if not np.array_equal(chosen, _chosen(examiner, negative, whole, [seed, step])):
        examiner.fail(
            "uint8-differs", "uint8 images, as a crop returns them, should give the same result as float32 images."
        )
    return examiner.passed("each image has its own draw, and a repeated run gives the same draws.")


def _chosen(examiner: Examiner, negative: Any, images: tf.Tensor, seed: list[int]) -> np.ndarray:
    """Returns which images a student's function turned into negatives, bool[B]; fails the check on other results."""
    return _which(examiner, examiner.call(negative, images, tf.constant(seed, tf.int32)), images)


def _which(examiner: Examiner, result: Any, images: tf.Tensor) -> np.ndarray:
    values = images.numpy().astype(np.float64)
    got = examiner.as_array(result, "the images")
    if got.shape != values.shape:
        examiner.fail(
            "shape-changed", f"the images should keep their shape {list(values.shape)}; got {list(got.shape)}."
        )
    kept, negative = (np.isclose(got, one, atol=1e-3).all((1, 2, 3)) for one in (values, 255 - values))
    if not (kept | negative).all():
        _fail_neither(examiner, got, values, kept)
    if negative.all() or kept.all():
        every = "every image became a negative" if negative.all() else "no image became a negative"
        examiner.fail("all-or-none", f"{every}: about half of a batch should, with a separate draw for each image.")
    return negative


def _fail_neither(examiner: Examiner, got: np.ndarray, values: np.ndarray, kept: np.ndarray) -> NoReturn:
    """Fails the check because images are neither unchanged nor negatives, with the cause if it is known."""
    known = {
        _NEGATED: -values,
        _ONE_MINUS: 1 - values,
        _OUT_OF_RANGE: 256 - values,
        _MIRROR_IMAGES: values[:, :, ::-1],
        _TURNED_UPSIDE_DOWN: values[:, ::-1],
    }
    for advice, wrong in known.items():
        if (kept | np.isclose(got, wrong, atol=1e-3).all((1, 2, 3))).all():
            examiner.fail(*advice)
    same, turned = (np.isclose(got, wanted, atol=1e-3) for wanted in (values, 255 - values))
    if (same | turned).all():
        part = "channel" if (same.all((1, 2)) | turned.all((1, 2))).all() else "pixel"
        examiner.fail(
            "separate-draws", f"each {part} has a separate draw: use one draw per image, with the shape [B, 1, 1, 1]."
        )
    examiner.fail("neither", "each image should be unchanged or have 255 minus each value; some are neither.")


def _check_in_graph(examiner: Examiner, negative: Any, images: tf.Tensor, seed: list[int], chosen: np.ndarray) -> None:
    """Fails the check unless a distortion also works in the pipeline, which compiles it and passes a longer seed."""
    signature = [tf.TensorSpec([None, *images.shape[1:]], tf.float32), tf.TensorSpec([4], tf.int32)]
    compiled = tf.function(negative, input_signature=signature)
    for step in (0, 1):
        outcome = examiner.call(
            capture_exception(compiled), images, tf.constant([seed[0], seed[1] + step, 0, 64], tf.int32)
        )
        if isinstance(outcome, Raised):
            examiner.fail(
                "pipeline-fails",
                "it fails in the pipeline, where batches have any size and seeds are int32[4] "
                f"({type(outcome.error).__name__}). Use TensorFlow's functions, and `distortions.per_image_uniform` "
                "for the draws.",
            )
        found = _which(examiner, outcome, images)
        if np.array_equal(found, chosen) != (step == 0):
            examiner.fail(
                "drawn-once",
                "in the pipeline the choice is different or always the same. Is it drawn without TensorFlow, only "
                "once, when the graph is created?",
            )
