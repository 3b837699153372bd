"""A check of exercise 4: precision @ 1 with raw and with averaged weights, without changing the training state."""

from typing import Any

import numpy as np

from cifarlab.backend import tf
from cifarlab.model.network import ConvNet, inference
from cifarlab.teaching.checks.ex04_without_averages import rounded
from cifarlab.teaching.checks.examiner import Examiner
from cifarlab.teaching.checks.result import Advice, CheckPassed
from cifarlab.training.state import TrainState

_ORDER = Advice(
    "wrong-order", "the order is wrong: the precision of the raw weights comes first, then that of the averages."
)
_BOTH_RAW = Advice("both-raw", "both are those of the raw weights, `state.network`. Where are the averages?")
_BOTH_AVERAGED = Advice(
    "both-averaged", "both are those of the averages. Which network holds the weights that are trained?"
)
_AVERAGED_AGAIN = Advice(
    "averaged-again", "the second is that of averages mixed with the raw weights again; use `state.averages` unchanged."
)
_PERCENT = Advice("percent", "these are percentages; return fractions between 0 and 1.")
_COUNTS = Advice("counts", "these are numbers of images; divide them by the total number of images.")
_MISTAKES = Advice("mistakes", "these are the fractions of wrong answers; return the fractions of correct answers.")
_EACH_IMAGE = Advice("each-image", "this is whether each image is classified correctly; return the mean.")
_DIFFERENCE = Advice("difference-only", "this is only the difference; return both precisions.")
_MINUS_DIFFERENCE = Advice("minus-difference", "this is only a difference, raw minus averaged; return both precisions.")
_RAW_ALONE = Advice("raw-only", "this is only the precision of the raw weights; return both.")
_AVERAGED_ALONE = Advice("averaged-only", "this is only the precision of the averages; return both.")
_MEAN_LOGITS = Advice(
    "mean-of-logits", "both are those of the mean of the two networks' logits. Evaluate each network separately."
)
_FIRST_ALONE = Advice(
    "first-images", "this is the precision on the first {} images only. Use all images, however many there are."
)
_EQUAL_BATCHES = Advice(
    "mean-over-batches",
    "this is a mean over batches of {}, in which the smaller last batch counts as much as a full one. Divide the "
    "total number of correct answers by the total number of images.",
)
_AMONG_IMAGES = Advice(
    "among-images",
    "this is the largest logit among the images. It should be the largest among the classes: check the axis.",
)

_NO_MOVING = " `state.averages` is a separate network, so no weights have to be moved."
_STILL_SWAPPED = Advice(
    "still-swapped",
    "afterwards the network holds the averaged weights, and training would continue from them." + _NO_MOVING,
)
_AVERAGES_LOST = Advice(
    "averages-lost", "afterwards the averages hold the raw weights, and the averaged weights are lost." + _NO_MOVING
)
_OTHER_PARTS = Advice(
    "other-networks", "afterwards the state holds different networks, or holds them in other attributes." + _NO_MOVING
)
_OTHER_VARIABLES = Advice("other-variables", "afterwards a network of the state has different variables." + _NO_MOVING)
_WEIGHTS_CHANGED = Advice("weights-changed", "afterwards the network has different weights. Only read them.")
_MOVED = Advice(
    "averages-updated",
    "it updated the averages. Training does that after each step; evaluation should not change them.",
)
_STATE_CHANGED = Advice(
    "state-changed",
    "afterwards other parts of the state have changed, such as its step. Evaluation should only read it.",
)

_BATCHES = (32, 50, 64, 100, 128, 200, 256)  # sizes that students choose
_IMAGES = 307  # a prime number: the last batch is smaller for each of these sizes


def check_evaluate_both(evaluate_both: Any, *, key: str | None = None) -> CheckPassed:
    """Checks a student's `evaluate_both(state, images, labels)`, which must not change the state.

    Args:
        evaluate_both: takes a TrainState, float32[B, height, width, 3] of any size that the state's network takes, and
            int32[B]; returns two numbers in 0-1, precision @ 1 of the raw and of the averaged weights.
        key: the instructor's key, which selects different cases.

    Raises:
        CheckFailedError: the answer is wrong; the message says why.
    """
    examiner = Examiner("evaluate_both", key, seconds=30)
    # First as many images as classes, because then a wrong axis gives valid numbers too. Then raw logits so large that
    # even a ten-thousandth of their weights, mixed into the averages, is detected.
    for classes, count, scale in ((12, 12, 1.0), (5, _IMAGES, 1e6)):
        state = _state(examiner, classes, scale)
        nets = state.network, state.averages, _mixed(state)
        images = _unambiguous_images(examiner, nets, count)
        labels, right, misconceptions = _discriminating_labels(examiner, nets, images)
        before = _Snapshot(state)
        got = examiner.call(evaluate_both, state, images, tf.constant(labels, tf.int32))
        if fault := before.fault(state):
            examiner.fail(*fault)
        examiner.assert_close(
            got,
            right,
            what="the precisions",
            misconceptions=misconceptions | rounded(right),
            fallback=Advice("other", "For which fraction of the images does the correct class have the largest logit?"),
        )
    return examiner.passed("both networks are evaluated on the same images, raw first; the state is unchanged.")


class _Snapshot:
    """A copy of a state, to detect what an evaluation changed."""

    def __init__(self, state: TrainState) -> None:
        self.parts = state.network, state.averages
        self.weights = [list(net.trainable_variables) for net in self.parts]
        known = {id(variable) for weights in self.weights for variable in weights}
        self.others = [variable for variable in state.variables if id(variable) not in known]
        self.raw, self.averaged, self.rest = self._now()

    def _now(self) -> list[list[np.ndarray]]:
        return [[variable.numpy() for variable in variables] for variables in (*self.weights, self.others)]

    def fault(self, state: TrainState) -> Advice | None:
        """Returns the advice for what has changed; None if nothing has."""
        parts = getattr(state, "network", None), getattr(state, "averages", None)
        if any(part is not other for part, other in zip(parts, self.parts, strict=True)):
            return _OTHER_PARTS
        for net, weights in zip(self.parts, self.weights, strict=True):
            if not _has_variables(net, weights):
                return _OTHER_VARIABLES
        raw, averaged, rest = self._now()
        raw_stays, averaged_stays = _equal(raw, self.raw), _equal(averaged, self.averaged)
        if not raw_stays:
            return _STILL_SWAPPED if _equal(raw, self.averaged) else _WEIGHTS_CHANGED
        if not averaged_stays:
            return _AVERAGES_LOST if _equal(averaged, self.raw) else _MOVED
        return None if _equal(rest, self.rest) else _STATE_CHANGED


def _has_variables(net: ConvNet, weights: list[tf.Variable]) -> bool:
    """Returns whether a network's trainable variables are these objects, in this order."""
    try:
        return [id(variable) for variable in net.trainable_variables] == [id(variable) for variable in weights]
    except Exception:  # raised by an object that the student's code put into the network
        return False


def _equal(some: list[np.ndarray], others: list[np.ndarray]) -> bool:
    return all(np.array_equal(one, other) for one, other in zip(some, others, strict=True))


def _state(examiner: Examiner, classes: int, scale: float) -> TrainState:
    """Creates a state whose two networks are unrelated and predict many classes, with the raw logits scaled."""
    first, second = examiner.random.permutation(1000)[:2].tolist()
    state = TrainState(ConvNet(classes, 8, seed=first), moving_average_decay=0.5)
    _assign(state.averages, ConvNet(classes, 8, seed=second))
    images = tf.constant(examiner.random.normal(0, 1, [50, 8, 8, 3]), tf.float32)
    for net, factor in ((state.network, scale), (state.averages, 1.0)):
        net.softmax_linear.weights.assign(net.softmax_linear.weights * factor)
        net.softmax_linear.biases.assign_sub(tf.reduce_mean(inference(net, images), axis=0))
    state.step.assign(30)
    return state


def _mixed(state: TrainState) -> ConvNet:
    """Returns a separate network: the averages of a state, mixed with its weights again."""
    mixed = TrainState(state.averages).averages  # a copy
    _assign(mixed, state.network, 1e-4)
    return mixed


def _unambiguous_images(examiner: Examiner, nets: tuple[ConvNet, ...], count: int) -> tf.Tensor:
    """Draws images, float32[count, 8, 8, 3], whose largest logit does not depend on rounding."""
    images = examiner.random.normal(0, 1, [2 * count, 8, 8, 3]).astype(np.float32)
    logits = np.sort([inference(net, tf.constant(images)).numpy() for net in nets], axis=2)
    clear = logits[..., -1] - logits[..., -2] > 1e-3 * logits.std(axis=(1, 2))[:, np.newaxis]
    return tf.constant(images[clear.all(0)][:count])


def _assign(net: ConvNet, other: ConvNet, share: float = 1.0) -> None:
    """Moves a network's weights toward another's by a share of their difference."""
    for variable, value in zip(net.trainable_variables, other.trainable_variables, strict=True):
        variable.assign((1 - share) * variable + share * value)


def _discriminating_labels(
    examiner: Examiner, nets: tuple[ConvNet, ...], images: tf.Tensor
) -> tuple[np.ndarray, np.ndarray, dict[Advice, Any]]:
    """Draws labels, int32[B], for which all known mistakes differ.

    Args:
        examiner: draws the labels.
        nets: the networks with the raw weights, with the averages and with their mixture.
        images: float32[B, 8, 8, 3].

    Returns:
        The labels, the correct precisions, and the results of known mistakes by advice.
    """
    logits = np.array([inference(net, images).numpy() for net in nets])
    _, count, classes = logits.shape
    few = count == classes
    if few:  # here both networks' logits have the same scale, so a mean of logits can be detected, but not of weights
        logits[2] = logits[:2].mean(0)
    answers = np.argmax(logits, axis=2)
    while True:
        source = examiner.random.choice(3, count, p=[0.3, 0.45, 0.25])
        labels = np.choose(source, [answers[0], answers[1], examiner.random.integers(0, classes, count)])
        hits = answers == labels
        (raw, averaged, third), right = hits.mean(1), hits[:2].mean(1)
        misconceptions = _wrong_precisions(hits[:2]) | _of_some_pictures(hits[:2])
        if few:
            misconceptions[_MEAN_LOGITS] = np.array([third, third])
            misconceptions[_AMONG_IMAGES] = np.mean(np.argmax(logits[:2], axis=1) == labels, axis=1)
        else:
            misconceptions[_AVERAGED_AGAIN] = np.array([raw, third])
        pairs = [right, *(value for value in misconceptions.values() if np.shape(value) == (2,))]
        numbers = [value for value in misconceptions.values() if np.ndim(value) == 0]
        apart = [
            np.abs(one - other).max()
            for alike in (pairs, numbers)
            for place, one in enumerate(alike)
            for other in alike[:place]
        ]
        if min(apart) > 1e-3 and abs(raw - averaged) > 1e-3:
            return labels.astype(np.int32), right, misconceptions


def _wrong_precisions(hits: np.ndarray) -> dict[Advice, Any]:
    """Returns the results of known mistakes, given which answers of raw and averaged weights are right, bool[2, B]."""
    raw, averaged = hits.mean(1)
    return {
        _ORDER: np.array([averaged, raw]),
        _BOTH_RAW: np.array([raw, raw]),
        _BOTH_AVERAGED: np.array([averaged, averaged]),
        _PERCENT: np.array([100 * raw, 100 * averaged]),
        _COUNTS: hits.sum(1),
        _MISTAKES: np.array([1 - raw, 1 - averaged]),
        _EACH_IMAGE: hits,
        _DIFFERENCE: averaged - raw,
        _MINUS_DIFFERENCE: raw - averaged,
        _RAW_ALONE: raw,
        _AVERAGED_ALONE: averaged,
    }


def _of_some_pictures(hits: np.ndarray) -> dict[Advice, Any]:
    """Returns the results of mistakes with batches of images, for batches that are smaller than all images."""
    count, found = hits.shape[1], {}
    for size in (size for size in _BATCHES if size < count):
        for first in (size, count - count % size):
            found[_FIRST_ALONE.format(first)] = hits[:, :first].mean(1)
        batches = np.split(hits, range(size, count, size), axis=1)
        found[_EQUAL_BATCHES.format(size)] = np.mean([batch.mean(1) for batch in batches], axis=0)
    return found
