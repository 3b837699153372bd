"""The checks of exercise 6's network for digits, and of what the trained network recognizes."""

import copy
import math
from typing import Any

import numpy as np

from cifarlab.backend import tf
from cifarlab.data.records import IMAGE_SHAPE
from cifarlab.data.sources import street_digits
from cifarlab.model.losses import loss
from cifarlab.model.network import ConvNet, variable_name
from cifarlab.model.profile import count_parameters
from cifarlab.teaching.checks.examiner import Examiner
from cifarlab.teaching.checks.result import CheckPassed
from cifarlab.teaching.checks.student_calls import Raised, capture_exception, short_repr

MAX_PARAMETERS = 1_068_298
"""The number of parameters of the tutorial's network."""

SIZE, CROP = IMAGE_SHAPE[0], 28
MAX_INITIAL_LOSS = 3.0
"""Maximum cross-entropy before training; equal probabilities for ten classes give 2.303."""

DIGITS_CHECKED = 600
DIGITS_REPEATED = 200
"""How many of them are recognized several times, to see what the answers depend on."""

MIN_ACCURACY = 0.7
"""Minimum accuracy on the drawn digits; the tutorial's network does not reach it in as many steps."""

STANDARDIZED = 0.05
"""Maximum share of answers that may change with contrast; rounding to integer gray levels changes some."""


def check_digits_network(digits_network: Any, *, key: str | None = None) -> CheckPassed:
    """Checks a student's class `DigitsNet(num_classes, image_size, channels, seed=...)`, a custom network.

    Args:
        digits_network: returns a `ConvNet` for crops of 28 x 28, with at most as many parameters as the tutorial's,
            whose `stages` returns a NamedTuple with the logits as its last item.
        key: the instructor's key, which selects different cases.

    Raises:
        CheckFailedError: the answer is wrong; the message says why.
    """
    examiner = Examiner("digits_network", key, seconds=40)
    seed = int(examiner.random.integers(1, 1000))

    def make(number: int) -> Any:
        return digits_network(10, CROP, 3, seed=number)

    net, again, other = (examiner.call(make, number) for number in (seed, seed, seed + 1))
    if not isinstance(net, ConvNet):
        examiner.fail("not-a-network", f"this should be a class derived from cifarlab.ConvNet; got {short_repr(net)}.")
    if _shapes(net) == _shapes(ConvNet(10, CROP, 3)):
        examiner.fail("tutorials-layers", "its layers are still those of the tutorial's network: adapt them to digits.")
    count = examiner.call(count_parameters, net)
    if count > MAX_PARAMETERS:
        examiner.fail(
            "too-many-parameters",
            f"it has {count:,} parameters, more than the tutorial's {MAX_PARAMETERS:,}, and there are few images to "
            "learn them from. The first fully connected layer is usually the largest.",
        )
    _check_seeds(examiner, net, again, other)
    images = tf.constant(examiner.random.normal(0, 1, [16, CROP, CROP, 3]), tf.float32)
    logits = _logits(examiner, net, images)
    _check_logits(examiner, net, images, logits)
    _check_training(examiner, net, images)
    smaller = examiner.call(capture_exception(lambda: digits_network(7, 24, 1, seed=seed)))
    if isinstance(smaller, Raised) or _shape(examiner, smaller, [2, 24, 24, 1]) != [2, 7]:
        examiner.fail(
            "fixed-sizes",
            "it should use its arguments: with 7 classes, crops of 24 and one channel it does not work. Which number "
            "is hard-coded instead of computed from num_classes, image_size or channels?",
        )
    return examiner.passed(f"{count:,} parameters, and ready for training.")


def _shapes(net: Any) -> list[list[int]]:
    return sorted(variable.shape.as_list() for variable in net.trainable_variables)


def _shape(examiner: Examiner, net: Any, shape: list[int]) -> list[int] | None:
    """Returns the shape of the logits for a batch of the given shape, or None if the network fails."""
    stages = examiner.call(capture_exception(lambda: net.stages(tf.zeros(shape))))
    return None if isinstance(stages, Raised) else list(np.shape(stages[-1]))


def _check_seeds(examiner: Examiner, net: Any, again: Any, other: Any) -> None:
    """Fails the check unless the initial weights depend on the seed, and only on the seed."""
    for one, same, another in zip(net.variables, again.variables, other.variables, strict=True):
        if not np.array_equal(one, same):
            examiner.fail(
                "not-repeatable",
                f"{variable_name(one)} starts differently with the same seed, so runs cannot be repeated.",
            )
        if np.ptp(one.numpy()) and np.array_equal(one, another):
            examiner.fail(
                "seed-ignored",
                f"{variable_name(one)} starts the same with every seed: pass the seed on to every layer.",
            )


def _logits(examiner: Examiner, net: Any, images: tf.Tensor) -> np.ndarray:
    stages = examiner.call(net.stages, images)
    if not isinstance(stages, tuple) or not getattr(stages, "_fields", ()):
        examiner.fail(
            "not-stages",
            f"`stages` should return a NamedTuple of all stages, the logits last; got {short_repr(stages)}.",
        )
    logits = examiner.as_array(stages[-1], "the logits")
    if logits.shape != (len(images), 10):
        examiner.fail(
            "logits-shape", f"the last stage should be logits, [{len(images)}, 10]; got {list(logits.shape)}."
        )
    return logits


def _check_logits(examiner: Examiner, net: Any, images: tf.Tensor, logits: np.ndarray) -> None:
    """Fails the check on probabilities, on logits that are never negative, and if images affect each other."""
    large = examiner.call(lambda: net.stages(images * 30)[-1].numpy())
    if np.allclose(large.sum(1), 1, atol=1e-3) and (large >= 0).all():
        examiner.fail(
            "probabilities", "these are probabilities: return the logits; the loss applies the softmax (exercise 1)."
        )
    if (large >= 0).all():
        examiner.fail(
            "relu-on-logits",
            "no logit is ever negative: the last layer should not have a ReLU, so pass activation=None.",
        )
    alone = examiner.call(lambda: net.stages(images[:1])[-1].numpy())
    # Rounding errors, which depend on the batch size, grow with the logits.
    if np.abs(alone - logits[:1]).max() > 1e-3 * max(1.0, np.abs(logits).max()):
        examiner.fail(
            "images-mixed", "an image's logits depend on the other images in its batch: compute each image separately."
        )
    labels = tf.constant(np.arange(len(images)) % 10)
    start = float(np.mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, tf.constant(logits))))
    if not math.isfinite(start) or start > MAX_INITIAL_LOSS:
        examiner.fail(
            "large-initial-loss",
            f"before training the cross-entropy is {start:.3g}; equal probabilities give 2.303. The initial weights "
            "are too large: their stddev should shrink as a layer's inputs grow. Often it is the last layer's.",
        )


def _check_training(examiner: Examiner, net: Any, images: tf.Tensor) -> None:
    """Fails the check unless gradients reach all weights, in the network and in the copy that holds the averages."""
    copied = examiner.call(capture_exception(copy.deepcopy), net)
    if isinstance(copied, Raised):
        examiner.fail(
            "copy-fails",
            f"training keeps averages in a deep copy, but copy.deepcopy raises {type(copied.error).__name__}.",
        )
    for one in (net, copied):
        gradients = examiner.call(capture_exception(lambda one=one: _gradients(one, images)))
        if isinstance(gradients, Raised):
            examiner.fail("training-fails", f"a compiled training step raises {type(gradients.error).__name__}.")
        for variable, gradient in zip(one.trainable_variables, gradients, strict=True):
            if gradient is None or not np.any(gradient):
                where = "" if one is net else " of the deep copy that holds the averages"
                examiner.fail(
                    "no-gradient", f"no gradient reaches {variable_name(variable)}{where}: is its layer unused?"
                )


def _gradients(net: Any, images: tf.Tensor) -> list:
    """Returns the gradients of the cross-entropy only, because weight decay would reach every layer."""
    labels = tf.constant(np.arange(len(images)) % 10)

    @tf.function
    def compiled(images: tf.Tensor) -> list:
        with tf.GradientTape() as tape:
            cross_entropy = loss(net, net.stages(images)[-1], labels).cross_entropy
        return tape.gradient(cross_entropy, net.trainable_variables)

    return compiled(images)


def check_recognize(recognize: Any, *, key: str | None = None) -> CheckPassed:
    """Checks a student's function `recognize` on newly drawn house numbers.

    Args:
        recognize: takes images, uint8[N, 32, 32, 3], and returns the digits that the adapted network recognizes,
            integers [N].
        key: the instructor's key, which selects different house numbers.

    Raises:
        CheckFailedError: too few digits are correct; the message says the likely cause.
    """
    examiner = Examiner("recognize", key, seconds=60)
    labels = examiner.random.integers(0, 10, DIGITS_CHECKED)
    images = street_digits.draw(labels, int(examiner.random.integers(1, 2**31)))
    found = _digits(examiner, recognize, images)
    _check_answers(examiner, found, labels)
    some = images[:DIGITS_REPEATED]
    first, again = (_digits(examiner, recognize, some) for _ in range(2))
    if not np.array_equal(first, again):
        examiner.fail(
            "random-answers",
            "it gives different answers for the same images: do not distort them at random here. Evaluation uses a "
            "central crop.",
        )
    _check_crop_and_standardization(examiner, recognize, some, first)
    right = float(np.mean(found == labels))
    if right < MIN_ACCURACY:
        examiner.fail(
            "too-few",
            f"{right:.0%} of new house numbers are recognized, and {MIN_ACCURACY:.0%} are needed. Is it the adapted "
            "network? Are the images cropped and standardized as in training? Was it trained on mirrored digits?",
        )
    # Not the accuracy itself, which differs slightly between processors.
    return examiner.passed(f"At least {MIN_ACCURACY:.0%} of {len(labels)} new house numbers recognized.")


def _check_crop_and_standardization(examiner: Examiner, recognize: Any, images: np.ndarray, found: np.ndarray) -> None:
    """Fails the check unless only the central crop is used and each image is standardized separately."""
    edge = (SIZE - CROP) // 2
    framed = examiner.random.integers(0, 256, images.shape, dtype=np.uint8)
    framed[:, edge:-edge, edge:-edge] = images[:, edge:-edge, edge:-edge]
    if not np.array_equal(found, _digits(examiner, recognize, framed)):
        examiner.fail(
            "border-used",
            f"the outermost {edge} rows and columns change the answers. The network was trained on crops of {CROP}: "
            "take the central crop first, then standardize.",
        )
    paler = images.copy()
    paler[::2] = 170 + paler[::2] // 3  # also lighter, because contrast alone changes few answers of some networks
    if np.mean(found != _digits(examiner, recognize, paler)) > STANDARDIZED:
        examiner.fail(
            "not-standardized",
            "the answers change if half of a batch has less contrast: standardize each image separately, as in "
            "training.",
        )


def _digits(examiner: Examiner, recognize: Any, images: np.ndarray) -> np.ndarray:
    numbers = examiner.as_array(examiner.call(recognize, images.copy()), "the digits")
    if numbers.ndim == 2 and numbers.shape[1] == 10 and len(numbers) == len(images):
        examiner.fail(
            "logits-returned", "these are logits or probabilities, ten for each image: which of the ten is the largest?"
        )
    if numbers.shape != (len(images),):
        examiner.fail(
            "digits-shape", f"return one digit for each of {len(images)} images; got the shape {list(numbers.shape)}."
        )
    return numbers


def _check_answers(examiner: Examiner, found: np.ndarray, labels: np.ndarray) -> None:
    """Fails the check on answers that are not digits, all the same or shifted."""
    if found.min() < 0 or found.max() > 10 or np.any(found != np.round(found)):
        examiner.fail("not-digits", f"digits should be integers from 0 to 9; got {found.min():g} to {found.max():g}.")
    if found.max() == 10:
        examiner.fail("ten-for-zero", "some digits are 10, as in SVHN's files: here a zero is 0.")
    if found.min() == found.max():
        examiner.fail(
            "always-the-same",
            f"every image is recognized as a {found[0]:.0f}: was the network trained, and on which data?",
        )
    if np.mean((found + 1) % 10 == labels) > MIN_ACCURACY:
        examiner.fail("one-too-low", "every digit is one too low: was the network trained with shifted labels?")
