"""The checks of exercise 1: normalized predictions, and the effect of a second softmax on the loss and its gradient."""

from typing import Any

import numpy as np

from cifarlab.backend import tf
from cifarlab.model.network import ConvNet, inference
from cifarlab.teaching.checks.examiner import Examiner
from cifarlab.teaching.checks.result import Advice, CheckPassed

_CLASS_NUMBERS = Advice("class-numbers", "these are the classes' numbers: return a probability for each class.")
_LARGEST_ONLY = Advice("largest-only", "this is only the largest probability: return one for each class.")
_OF_THE_IMAGES = Advice("of-the-images", "this is a softmax of the images: normalize the logits.")
_CORRECT_LOSS = Advice(
    "correct-loss",
    "0 is the smallest value of the correct loss. Here the second softmax gets only numbers between 0 and 1: which of "
    "them give the smallest loss?",
)
_KNOWS_NOTHING = Advice(
    "knows-nothing",
    "this is the loss of a network that knows nothing, ln C. The best network gives the right class the probability 1 "
    "and the others 0.",
)
_LARGEST_LOSS = Advice(
    "largest-loss",
    "this is the largest loss, of a network that is certain and wrong. What is the smallest?",
)
_NO_LOGARITHM = Advice("no-logarithm", "this is a probability: the loss is minus its logarithm.")
_WRONG_SIGN = Advice("wrong-sign", "the sign is wrong: this loss is positive.")
_TOO_MANY_ZEROS = Advice("too-many-zeros", "too many zeros: there are C numbers in total, a 1 and C - 1 zeros.")
_BASE_TEN = Advice("base-ten", "this is a logarithm to base 10. The course uses nats: take the natural logarithm.")
_BITS = Advice("bits", "this is a loss in bits. The course uses nats: take the natural logarithm.")

_OTHER_AXIS = Advice(
    "wrong-axis", "each column adds up to 1. Each row, the classes of one image, should add up to 1: check the axis."
)
_ALL_AT_ONCE = Advice(
    "all-at-once", "all numbers together add up to 1. Each row should add up to 1: sum along one axis only."
)
_NO_EXP = Advice(
    "no-exponential", "the logits were divided by their sum. Logits may be negative: take the exponential first."
)
_SIGMOID = Advice(
    "sigmoid", "this is a sigmoid of each number. The classes of an image compete: divide by their common sum."
)
_NOT_DIVIDED = Advice("not-divided", "these are the exponentials, not divided by their sum over the classes.")
_LOG = Advice(
    "logarithm", "this is the logarithm of the probabilities. Return the probabilities; the loss takes the logarithm."
)
_TWICE = Advice("twice", "softmax was applied twice; the second one flattens the probabilities.")
_UNCHANGED = Advice("still-logits", "these are still the logits.")
_BASE_TWO = Advice("powers-of-two", "these are powers of 2. The base should be e: use tf.exp.")
_DOWNWARDS = Advice(
    "wrong-sign", "the largest logit got the smallest probability: there is a wrong minus sign in the exponent."
)
_MEAN = Advice(
    "mean-for-sum",
    "each row adds up to the number of classes: divide by the sum of the exponentials, not by their mean.",
)


def check_softmax(softmax: Any, *, key: str | None = None) -> CheckPassed:
    """Checks a student's `softmax(logits)`.

    Args:
        softmax: takes float32[B, C], returns float32[B, C]; each row is positive and adds up to 1.
        key: the instructor's key, which selects different cases.

    Raises:
        CheckFailedError: the answer is wrong; the message says why.

    >>> check_softmax(tf.nn.softmax)  # doctest: +ELLIPSIS
    Right: every row adds up to 1 and keeps the order of its logits, also ... Grading uses other numbers, too.
    """
    examiner = Examiner("softmax", key)
    for rows, columns in ((3, 10), (4, 2), (1, 7)):
        logits = examiner.random.normal(0, 2, [rows, columns])
        got = examiner.call(softmax, tf.constant(logits, tf.float32))
        _compare(examiner, got, logits, "the probabilities")
    shifted = logits + 1000 * examiner.random.choice([-1, 1])
    got = examiner.as_array(examiner.call(softmax, tf.constant(shifted, tf.float32)), "the probabilities")
    if not np.isfinite(got).all():
        examiner.fail(
            "overflow",
            "correct for small logits, but large ones break it: exp(1000) is infinite, and exp(-1000) is 0. See hint "
            "2.",
            f"for logits around {shifted.mean():,.0f} got {got.ravel()[:3]}",
        )
    examiner.assert_close(
        got, _softmax(logits), what="the probabilities of logits around 1,000", misconceptions={}, tolerance=1e-3
    )
    _check_mixed_sizes(examiner, softmax)
    return examiner.passed("every row adds up to 1 and keeps the order of its logits, also with logits around 1,000.")


def _check_mixed_sizes(examiner: Examiner, softmax: Any) -> None:
    """Fails a function that is correct only if all logits of a batch have a similar size."""
    logits = examiner.random.normal(0, 1, [5, 6])
    logits += np.array([0, 1000, -1000, 0, 0])[:, None]
    logits[3, 4] += 1000
    logits[4] -= 1000 * (np.arange(6) != 2)
    got = examiner.as_array(examiner.call(softmax, tf.constant(logits, tf.float32)), "the probabilities")
    if not np.allclose(got, _softmax(logits), atol=1e-3):
        examiner.fail(
            "mixed-sizes",
            "correct only if all logits have a similar size. It gives 0/0 or wrong numbers if one image's logits are "
            "much larger than another's, or one class's much larger than the others. Which number is safe to subtract "
            "in each row?",
            f"logits {logits[0, :3].round(1)} ... and {logits[1, :3].round(1)} ... gave {got[:2, :3].tolist()}"[:300],
        )


def check_probabilities(probabilities: Any, *, key: str | None = None) -> CheckPassed:
    """Checks a student's `probabilities(net, images)`, which returns the network's normalized predictions.

    Args:
        probabilities: takes a ConvNet and float32[B, 24, 24, 3], returns float32[B, num_classes].
        key: the instructor's key, which selects different cases.

    Raises:
        CheckFailedError: the answer is wrong; the message says why.

    >>> check_probabilities(lambda net, images: tf.nn.softmax(inference(net, images)))
    Right: these are the network's logits, normalized; the most probable class does not change.
    """
    examiner = Examiner("probabilities", key, seconds=20)
    for classes in (10, 4):
        net = ConvNet(classes, seed=int(examiner.random.integers(1000)))
        # Similar to trained weights: with the initial ones the logits are too small to tell mistakes apart.
        net.softmax_linear.weights.assign(net.softmax_linear.weights * 400)
        before = [variable.numpy() for variable in net.trainable_variables]
        images = tf.constant(examiner.random.normal(0, 1, [5, 24, 24, 3]), tf.float32)
        logits = inference(net, images).numpy().astype(np.float64)
        got = examiner.call(probabilities, net, images)
        if any(np.any(old != new.numpy()) for old, new in zip(before, net.trainable_variables, strict=True)):
            examiner.fail("network-changed", "it changed the network's weights. Only read them.")
        if not np.allclose(inference(net, images), logits, rtol=1e-4, atol=1e-4):
            examiner.fail(
                "stages-changed", "it changed what the network computes. Call the network without changing it."
            )
        answers = {_CLASS_NUMBERS: logits.argmax(-1)}
        answers[_LARGEST_ONLY] = _softmax(logits).max(-1)
        answers[_OF_THE_IMAGES] = _softmax(images.numpy())
        _compare(examiner, got, logits, "the predictions", answers, tolerance=1e-3)
    return examiner.passed("these are the network's logits, normalized; the most probable class does not change.")


def check_smallest_loss(smallest_loss: Any, *, key: str | None = None) -> CheckPassed:
    """Checks a student's `smallest_loss(num_classes)`, the smallest value of a loss with two softmaxes.

    Args:
        smallest_loss: takes an int of 2 or more, returns a float, in nats.
        key: the instructor's key, which selects different cases.

    Raises:
        CheckFailedError: the answer is wrong; the message says why.
    """
    examiner = Examiner("smallest_loss", key)
    for classes in (10, 2, int(examiner.random.integers(20, 200))):
        best = np.eye(classes)[0]
        misconceptions = {
            _CORRECT_LOSS: 0.0,
            _KNOWS_NOTHING: np.log(classes),
            _LARGEST_LOSS: _cross_entropy(best, 1),
            _NO_LOGARITHM: _softmax(best)[0],
            _WRONG_SIGN: -_cross_entropy(best, 0),
            _TOO_MANY_ZEROS: np.log(1 + classes / np.e),
            _BASE_TEN: _cross_entropy(best, 0) / np.log(10),
            _BITS: _cross_entropy(best, 0) / np.log(2),
        }
        examiner.assert_close(
            examiner.call(smallest_loss, classes),
            np.asarray(_cross_entropy(best, 0)),
            what=f"the smallest loss with {classes} classes",
            misconceptions=misconceptions,
            fallback=Advice(
                "other",
                "Put the best probabilities, a 1 and zeros, into the second softmax. The loss is minus the logarithm "
                "of the probability that it gives the right class.",
            ),
        )
    return examiner.passed("with two softmaxes the loss never gets smaller, even if the network is certain and right.")


def check_gradients(gradients: Any, *, key: str | None = None) -> CheckPassed:
    """Checks a student's `gradients(logits, labels)`, the gradients of the losses with one and with two softmaxes.

    Args:
        gradients: takes float32[B, C] and int32[B], returns a pair of float32[B, C]: the gradients of the mean
            cross-entropy with respect to the logits, first of the correct loss, then of the one with two softmaxes.
        key: the instructor's key, which selects different cases.

    Raises:
        CheckFailedError: the answer is wrong; the message says why.
    """
    examiner = Examiner("gradients", key)
    for rows, columns in ((4, 10), (2, 3)):
        logits = examiner.random.normal(0, 2, [rows, columns])
        labels = examiner.random.integers(0, columns, rows)
        got = examiner.call(gradients, tf.constant(logits, tf.float32), tf.constant(labels, tf.int32))
        if not isinstance(got, tuple | list) or len(got) != 2:
            examiner.fail("not-a-pair", "return two gradients as a pair: first with one softmax, then with two.")
        once, twice = _gradients(logits, labels)
        _check_order(examiner, got, once, twice)
        for name, value, right in (("first", got[0], once), ("second", got[1], twice)):
            if value is None:
                examiner.fail(
                    "not-watched",
                    f"the {name} gradient is None: the tape did not record how the loss depends on the logits. Call "
                    "tape.watch(logits), compute the loss inside the tape, and do not use NumPy in your softmax.",
                )
            misconceptions = {
                Advice(
                    "mean-over-classes",
                    f"the {name} gradient is too small by a factor of the number of classes: sum over the classes.",
                ): right / columns,
                Advice(
                    "sum-over-batch",
                    f"the {name} gradient is too large by a factor of the batch size: the loss is a mean.",
                ): right * rows,
                Advice("wrong-sign", f"the {name} gradient has the wrong sign."): -right,
                Advice(
                    "of-the-probabilities",
                    f"the {name} gradient is with respect to the probabilities: watch the logits.",
                ): _wrt_probabilities(logits, labels),
            }
            examiner.assert_close(value, right, what=f"the {name} gradient", misconceptions=misconceptions)
    return examiner.passed("with one softmax it is (probability - truth) / B; the second softmax makes it smaller.")


def _check_order(examiner: Examiner, got: Any, once: np.ndarray, twice: np.ndarray) -> None:
    """Fails the check if a gradient is that of the other loss."""
    if any(value is None for value in got):
        return
    first, second = (examiner.as_array(value, "a gradient") for value in got)
    is_twice, is_once = _equal(first, twice), _equal(second, once)
    if is_twice and is_once:
        examiner.fail("wrong-order", "the two gradients are in the wrong order: return the one with one softmax first.")
    if is_twice:
        examiner.fail(
            "softmax-too-many",
            "the first gradient has a softmax too many: give the correct loss the logits themselves.",
        )
    if is_once:
        examiner.fail(
            "same-twice", "the second gradient is that of the correct loss again: give that loss softmax(logits)."
        )


def _equal(one: np.ndarray, other: np.ndarray) -> bool:
    return one.shape == other.shape and np.allclose(one, other, rtol=1e-4, atol=1e-5)


def _compare(examiner, got, logits, what, more=None, **options) -> None:
    """Compares a result with the softmax of the logits and with common mistakes."""
    exponentials = np.exp(logits)
    misconceptions = {
        _UNCHANGED: logits,
        _NOT_DIVIDED: exponentials,
        _MEAN: _softmax(logits) * logits.shape[1],
        _BASE_TWO: _softmax(logits * np.log(2)),
        _DOWNWARDS: _softmax(-logits),
        _TWICE: _softmax(_softmax(logits)),
        _OTHER_AXIS: exponentials / exponentials.sum(0),
        _ALL_AT_ONCE: exponentials / exponentials.sum(),
        _NO_EXP: logits / logits.sum(-1, keepdims=True),
        _SIGMOID: 1 / (1 + np.exp(-logits)),
        _LOG: np.log(_softmax(logits)),
        **(more or {}),
    }
    examiner.assert_close(got, _softmax(logits), what=what, misconceptions=misconceptions, **options)


def _softmax(logits: np.ndarray) -> np.ndarray:
    exponentials = np.exp(logits - logits.max(-1, keepdims=True))
    return exponentials / exponentials.sum(-1, keepdims=True)


def _cross_entropy(logits: np.ndarray, label: int) -> float:
    return float(-np.log(_softmax(logits)[label]))


def _gradients(logits: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the gradients of the mean cross-entropy with one softmax and with two, in closed form."""
    inner, truth = _softmax(logits), np.eye(logits.shape[1])[labels]
    toward_inner = (_softmax(inner) - truth) / len(labels)
    through = inner * (toward_inner - (inner * toward_inner).sum(-1, keepdims=True))
    return (inner - truth) / len(labels), through


def _wrt_probabilities(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    inner = _softmax(logits)
    return (_softmax(inner) - np.eye(logits.shape[1])[labels]) / len(labels)
