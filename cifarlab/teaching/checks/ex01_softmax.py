"""The checks of exercise 1: normalized predictions, and what a second softmax does to the loss and its gradient."""

from typing import Any

import numpy as np

from cifarlab.backend import tf
from cifarlab.model.network import ConvNet, inference
from cifarlab.teaching.checks.examiner import Examiner
from cifarlab.teaching.checks.result import CheckPassed

_OTHER_AXIS = "each column adds up to 1, but each row, the classes of one picture, should: mind the axis."
_ALL_AT_ONCE = "all numbers together add up to 1; each row should by itself: keep the pictures apart with an axis."
_NO_EXP = "the logits were divided by their sum. Logits may be negative: take the exponential first."
_SIGMOID = "that is a sigmoid of each number by itself. The classes of a picture compete: divide by their common sum."
_NOT_DIVIDED = "exponentials, but they are not divided by their sum over the classes."
_LOG = "that is the logarithm of the probabilities: leave the logarithm to the loss."
_TWICE = "softmax was applied twice; the second one flattens the probabilities."
_UNCHANGED = "these are still the logits."
_BASE_TWO = "those are powers of 2. The base is e: tf.exp."
_DOWNWARDS = "the largest logit got the smallest probability: there is a minus too many in the exponent."
_MEAN = "each row adds up to the number of classes: divide by the sum of the exponentials, not by their mean."


def check_softmax(softmax: Any, *, key: str | None = None) -> CheckPassed:
    """Checks a student's `softmax(logits)`.

    Args:
        softmax: takes float32[B, C], returns float32[B, C], each row positive and of sum 1.
        key: the instructor's, for other cases.

    Raises:
        CheckFailedError: it is not right; the message says why.

    >>> check_softmax(tf.nn.softmax)
    Right: every row adds up to 1, in the order of its logits, and logits of 1,000 do no harm.
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
            "right for small logits, but large ones break it: exp(1000) is infinite, and exp(-1000) is 0. "
            "Hint 2 says what to do about it.",
            f"for logits around {shifted.mean():,.0f} got {got.ravel()[:3]}",
        )
    examiner.assert_close(
        got, _softmax(logits), what="the probabilities of logits around 1,000", misconceptions={}, tolerance=1e-3
    )
    _large_beside_small(examiner, softmax)
    return CheckPassed("every row adds up to 1, in the order of its logits, and logits of 1,000 do no harm.")


def _large_beside_small(examiner: Examiner, softmax: Any) -> None:
    """Refuses what is right only while all logits of a batch are of one size."""
    logits = examiner.random.normal(0, 1, [5, 6])
    logits += np.array([0, 1000, -1000, 0, 0])[:, None]
    logits[3, 4] += 1000
    logits[4] -= 1000 * (np.arange(6) != 2)
    got = examiner.as_array(examiner.call(softmax, tf.constant(logits, tf.float32)), "the probabilities")
    if not np.allclose(got, _softmax(logits), atol=1e-3):
        examiner.fail(
            "right while all logits are of one size. Beside a picture with large ones, or with a single large one "
            "among its classes, it becomes 0/0 or wrong: which number of its own is safe to subtract in each row?",
            f"logits {logits[0, :3].round(1)} ... beside {logits[1, :3].round(1)} ... gave {got[:2, :3].tolist()}"[
                :300
            ],
        )


def check_probabilities(probabilities: Any, *, key: str | None = None) -> CheckPassed:
    """Checks a student's `probabilities(net, images)`, the network's normalized predictions.

    Args:
        probabilities: takes a ConvNet and float32[B, 24, 24, 3], returns float32[B, num_classes].
        key: the instructor's, for other cases.

    Raises:
        CheckFailedError: it is not right; the message says why.

    >>> check_probabilities(lambda net, images: tf.nn.softmax(inference(net, images)))
    Right: the network's logits, normalized; the most probable class is the same as before.
    """
    examiner = Examiner("probabilities", key, seconds=20)
    for classes in (10, 4):
        net = ConvNet(classes, seed=int(examiner.random.integers(1000)))
        # Weights as after training, in effect: the initial ones make logits too small to tell mistakes apart.
        net.softmax_linear.weights.assign(net.softmax_linear.weights * 400)
        before = [variable.numpy() for variable in net.trainable_variables]
        images = tf.constant(examiner.random.normal(0, 1, [5, 24, 24, 3]), tf.float32)
        logits = inference(net, images).numpy().astype(np.float64)
        got = examiner.call(probabilities, net, images)
        if any(np.any(old != new.numpy()) for old, new in zip(before, net.trainable_variables, strict=True)):
            examiner.fail("it changed the network's weights. Only compute with them.")
        if not np.allclose(inference(net, images), logits, rtol=1e-4, atol=1e-4):
            examiner.fail("it changed what the network computes. Leave the network as it is, and only call it.")
        answers = {"these are the classes' numbers: return a probability for each class.": logits.argmax(-1)}
        answers["that is only the largest probability: return one for each class."] = _softmax(logits).max(-1)
        answers["that is a softmax of the images: normalize the logits."] = _softmax(images.numpy())
        _compare(examiner, got, logits, "the predictions", answers, tolerance=1e-3)
    return CheckPassed("the network's logits, normalized; the most probable class is the same as before.")


def check_smallest_loss(smallest_loss: Any, *, key: str | None = None) -> CheckPassed:
    """Checks a student's `smallest_loss(num_classes)`, the least that a loss with two softmaxes can reach.

    Args:
        smallest_loss: takes an int of 2 or more, returns a float, in nats.
        key: the instructor's, for other cases.

    Raises:
        CheckFailedError: it is not right; the message says why.
    """
    examiner = Examiner("smallest_loss", key)
    for classes in (10, 2, int(examiner.random.integers(20, 200))):
        best = np.eye(classes)[0]
        misconceptions = {
            "0 is the least of the right loss. Here the second softmax sees numbers between 0 and 1 only: which are "
            "the best that it can see?": 0.0,
            "that is the loss of a network that knows nothing, ln C. The best one gives the right class the "
            "probability 1 and the others 0.": np.log(classes),
            "that is the largest loss, of a network that is surely wrong. Which is the least?": _cross_entropy(best, 1),
            "that is a probability: the loss is minus its logarithm.": _softmax(best)[0],
            "the sign: a loss of this kind is positive.": -_cross_entropy(best, 0),
            "too many zeros: there are C numbers in all, a 1 and C - 1 zeros.": np.log(1 + classes / np.e),
            "a logarithm to base 10; the course counts in nats, with the natural one.": _cross_entropy(best, 0)
            / np.log(10),
            "a loss in bits; nats take the natural logarithm.": _cross_entropy(best, 0) / np.log(2),
        }
        examiner.assert_close(
            examiner.call(smallest_loss, classes),
            np.asarray(_cross_entropy(best, 0)),
            what=f"the smallest loss with {classes} classes",
            misconceptions=misconceptions,
            fallback="Put the best probabilities, a 1 and zeros, into the second softmax, and take minus the "
            "logarithm of what it gives the right class.",
        )
    return CheckPassed("two softmaxes never get below that, however sure and right the network is.")


def check_gradients(gradients: Any, *, key: str | None = None) -> CheckPassed:
    """Checks a student's `gradients(logits, labels)`, of the loss with one softmax and with two.

    Args:
        gradients: takes float32[B, C] and int32[B], returns a pair of float32[B, C]: the gradients with respect to the
            logits of the mean cross-entropy, of the right loss first and of that with a softmax too many.
        key: the instructor's, for other cases.

    Raises:
        CheckFailedError: it is not right; the message says why.
    """
    examiner = Examiner("gradients", key)
    for rows, columns in ((4, 10), (2, 3)):
        logits = examiner.random.normal(0, 2, [rows, columns])
        labels = examiner.random.integers(0, columns, rows)
        got = examiner.call(gradients, tf.constant(logits, tf.float32), tf.constant(labels, tf.int32))
        if not isinstance(got, tuple | list) or len(got) != 2:
            examiner.fail("return two gradients, as a pair: the right loss's first, then that with two softmaxes.")
        once, twice = _gradients(logits, labels)
        _look_for_the_other(examiner, got, once, twice)
        for name, value, right in (("first", got[0], once), ("second", got[1], twice)):
            if value is None:
                examiner.fail(
                    f"the {name} gradient is None: the tape did not see how the loss comes from the logits. "
                    "Call tape.watch(logits), compute the loss inside the tape, and keep numpy out of your softmax."
                )
            misconceptions = {
                f"the {name} gradient is as many times too small as there are classes: sum over them first.": right
                / columns,
                f"the {name} gradient is as many times too large as there are pictures: the loss is a mean.": right
                * rows,
                f"the {name} gradient has the wrong sign.": -right,
                f"the {name} gradient is with respect to the probabilities: watch the logits.": _wrt_probabilities(
                    logits, labels
                ),
            }
            examiner.assert_close(value, right, what=f"the {name} gradient", misconceptions=misconceptions)
    return CheckPassed("one softmax gives (probability - truth) / B; the second one shrinks it.")


def _look_for_the_other(examiner: Examiner, got: Any, once: np.ndarray, twice: np.ndarray) -> None:
    """Refuses a gradient that is the other one."""
    if any(value is None for value in got):
        return
    first, second = (examiner.as_array(value, "a gradient") for value in got)
    is_twice, is_once = _equal(first, twice), _equal(second, once)
    if is_twice and is_once:
        examiner.fail("the two gradients are in the wrong order: the right loss's first.")
    if is_twice:
        examiner.fail("the first gradient has a softmax too many: the right loss takes the logits themselves.")
    if is_once:
        examiner.fail("the second gradient is the right loss's once more: give that loss softmax(logits).")


def _equal(one: np.ndarray, other: np.ndarray) -> bool:
    return one.shape == other.shape and np.allclose(one, other, rtol=1e-4, atol=1e-5)


def _compare(examiner, got, logits, what, more=None, **options) -> None:
    """Compares with the softmax of logits, and with what is often written instead of it."""
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
    """In closed form: of the mean cross-entropy with one softmax, and with two."""
    inner, truth = _softmax(logits), np.eye(logits.shape[1])[labels]
    toward_inner = (_softmax(inner) - truth) / len(labels)
    through = inner * (toward_inner - (inner * toward_inner).sum(-1, keepdims=True))
    return (inner - truth) / len(labels), through


def _wrt_probabilities(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    inner = _softmax(logits)
    return (_softmax(inner) - np.eye(logits.shape[1])[labels]) / len(labels)
