"""A check of exercise 4: precision @ 1 of raw and of averaged weights, from a state that stays as it is."""

from typing import Any

import numpy as np

from cifarlab.backend import tf
from cifarlab.model.network import ConvNet, inference
from cifarlab.teaching.checks.ex04_without_averages import rounded
from cifarlab.teaching.checks.examiner import Examiner
from cifarlab.teaching.checks.result import CheckPassed
from cifarlab.training.state import TrainState

_ORDER = "the order: the raw weights' precision first, then that of the averages."
_BOTH_RAW = "both are those of the raw weights, `state.network`. Where are the averages?"
_BOTH_AVERAGED = "both are those of the averages. Which network holds the weights that are trained?"
_AVERAGED_AGAIN = "the second one is of averages that were mixed with the weights once more; take them as they are."
_PERCENT = "those are percentages; return shares between 0 and 1."
_COUNTS = "those are numbers of pictures; divide them by how many there are."
_MISTAKES = "those are the shares of mistakes; return the shares of right answers."
_EACH_PICTURE = "that is whether each picture is right; return the mean."
_DIFFERENCE = "that is the difference alone; return both precisions."
_MINUS_DIFFERENCE = "that is a difference, of raw minus averaged; return both precisions."
_RAW_ALONE = "that is the raw weights' precision alone; return both."
_AVERAGED_ALONE = "that is the averages' precision alone; return both."
_MEAN_LOGITS = "both are those of the mean of the two networks' logits. Each network answers by itself."
_FIRST_ALONE = "that is the precision on the first {} pictures alone. Use all pictures, however many are given."
_EQUAL_BATCHES = (
    "that is a mean over batches of {}, of which the last, smaller one counts as much as a full one. "
    "Divide how many are right in all by the number of all pictures."
)
_AMONG_PICTURES = "the largest logit is looked for among the pictures. It should be among the classes: mind the axis."

_NO_MOVING = " `state.averages` is a network by itself, so no weight has to be moved."
_STILL_SWAPPED = "afterwards the network holds the averaged weights, and training would go on from them." + _NO_MOVING
_AVERAGES_LOST = "afterwards the averages hold the raw weights, and what was averaged is lost." + _NO_MOVING
_OTHER_PARTS = "afterwards the state holds other networks than before, or in other places." + _NO_MOVING
_OTHER_VARIABLES = "afterwards a network of the state has other variables than before." + _NO_MOVING
_WEIGHTS_CHANGED = "afterwards the network has other weights than before. Only compute with them."
_MOVED = "it moved the averages. Training does that after each update; evaluation takes them as they are."
_STATE_CHANGED = "afterwards the state is another one, in its step for instance. Evaluation only computes with it."

_BATCHES = (32, 50, 64, 100, 128, 200, 256)  # sizes that students choose
_PICTURES = 307  # a prime number: with any of these sizes the last batch is smaller


def check_evaluate_both(evaluate_both: Any, *, key: str | None = None) -> CheckPassed:
    """Checks a student's `evaluate_both(state, images, labels)`, which must leave the state as it is.

    Args:
        evaluate_both: takes a TrainState, float32[B, height, width, 3] of any size that the state's network takes, and
            int32[B]; returns two numbers in 0-1, precision @ 1 of the raw and of the averaged weights.
        key: the instructor's, for other cases.

    Raises:
        CheckFailedError: it is not right; the message says why.
    """
    examiner = Examiner("evaluate_both", key, seconds=30)
    # First as many pictures as classes: a wrong axis gives numbers, too. Then raw logits so large that even a
    # ten-thousandth of their weights, mixed into the averages, is seen.
    for classes, count, scale in ((12, 12, 1.0), (5, _PICTURES, 1e6)):
        state = _state(examiner, classes, scale)
        nets = state.network, state.averages, _mixed(state)
        images = _clear_pictures(examiner, nets, count)
        labels, right, misconceptions = _telling_labels(examiner, nets, images)
        before = _Snapshot(state)
        got = examiner.call(evaluate_both, state, images, tf.constant(labels, tf.int32))
        if fault := before.fault(state):
            examiner.fail(fault)
        examiner.assert_close(
            got,
            right,
            what="the precisions",
            misconceptions=misconceptions | rounded(right),
            fallback="What is the share of the pictures whose largest logit is that of the right class?",
        )
    return CheckPassed("raw first, then averaged, both networks on the same pictures; and the state is as it was.")


class _Snapshot:
    """A state as it was, to find out what an evaluation did to it."""

    def __init__(self, state: TrainState) -> None:
        self.parts = state.network, state.averages
        self.weights = [list(net.trainable_variables) for net in self.parts]
        known = {id(variable) for weights in self.weights for variable in weights}
        self.others = [variable for variable in state.variables if id(variable) not in known]
        self.raw, self.averaged, self.rest = self._now()

    def _now(self) -> list[list[np.ndarray]]:
        return [[variable.numpy() for variable in variables] for variables in (*self.weights, self.others)]

    def fault(self, state: TrainState) -> str:
        """What is no longer as it was, as an advice; "" if nothing."""
        parts = getattr(state, "network", None), getattr(state, "averages", None)
        if any(part is not other for part, other in zip(parts, self.parts, strict=True)):
            return _OTHER_PARTS
        for net, weights in zip(self.parts, self.weights, strict=True):
            if not _are(net, weights):
                return _OTHER_VARIABLES
        raw, averaged, rest = self._now()
        raw_stays, averaged_stays = _equal(raw, self.raw), _equal(averaged, self.averaged)
        if not raw_stays:
            return _STILL_SWAPPED if _equal(raw, self.averaged) else _WEIGHTS_CHANGED
        if not averaged_stays:
            return _AVERAGES_LOST if _equal(averaged, self.raw) else _MOVED
        return "" if _equal(rest, self.rest) else _STATE_CHANGED


def _are(net: ConvNet, weights: list[tf.Variable]) -> bool:
    """Whether a network's variables are these very ones."""
    try:
        return [id(variable) for variable in net.trainable_variables] == [id(variable) for variable in weights]
    except Exception:  # of whatever a student has put into it
        return False


def _equal(some: list[np.ndarray], others: list[np.ndarray]) -> bool:
    return all(np.array_equal(one, other) for one, other in zip(some, others, strict=True))


def _state(examiner: Examiner, classes: int, scale: float) -> TrainState:
    """A state whose two networks have nothing in common; both answer with many different classes, raw logits scaled."""
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
    """The averages of a state, mixed with its weights once more, as a network of its own."""
    mixed = TrainState(state.averages).averages  # a copy
    _assign(mixed, state.network, 1e-4)
    return mixed


def _clear_pictures(examiner: Examiner, nets: tuple[ConvNet, ...], count: int) -> tf.Tensor:
    """Pictures, float32[count, 8, 8, 3], with a largest logit that another order of sums does not change."""
    images = examiner.random.normal(0, 1, [2 * count, 8, 8, 3]).astype(np.float32)
    logits = np.sort([inference(net, tf.constant(images)).numpy() for net in nets], axis=2)
    clear = logits[..., -1] - logits[..., -2] > 1e-3 * logits.std(axis=(1, 2))[:, np.newaxis]
    return tf.constant(images[clear.all(0)][:count])


def _assign(net: ConvNet, other: ConvNet, share: float = 1.0) -> None:
    """Moves a network's weights a share of the way to another's."""
    for variable, value in zip(net.trainable_variables, other.trainable_variables, strict=True):
        variable.assign((1 - share) * variable + share * value)


def _telling_labels(
    examiner: Examiner, nets: tuple[ConvNet, ...], images: tf.Tensor
) -> tuple[np.ndarray, np.ndarray, dict[str, Any]]:
    """Labels, int32[B]; the right precisions; what mistakes make of them, all different.

    Args:
        examiner: draws the labels.
        nets: with the raw weights, the averages and their mixture.
        images: float32[B, 8, 8, 3].
    """
    logits = np.array([inference(net, images).numpy() for net in nets])
    _, count, classes = logits.shape
    few = count == classes
    if few:  # and scaled alike, so that a mixture of logits is seen, one of weights is not
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
            misconceptions[_AMONG_PICTURES] = np.mean(np.argmax(logits[:2], axis=1) == labels, axis=1)
        else:
            misconceptions[_AVERAGED_AGAIN] = np.array([raw, third])
        pairs = [right, *(value for value in misconceptions.values() if np.shape(value) == (2,))]
        apart = [np.abs(one - other).max() for place, one in enumerate(pairs) for other in pairs[:place]]
        if min(apart) > 1e-3 and abs(raw - averaged) > 1e-3:
            return labels.astype(np.int32), right, misconceptions


def _wrong_precisions(hits: np.ndarray) -> dict[str, Any]:
    """What known mistakes make of the answers of raw and averaged weights that are right, bool[2, B]."""
    raw, averaged = hits.mean(1)
    return {
        _ORDER: np.array([averaged, raw]),
        _BOTH_RAW: np.array([raw, raw]),
        _BOTH_AVERAGED: np.array([averaged, averaged]),
        _PERCENT: np.array([100 * raw, 100 * averaged]),
        _COUNTS: hits.sum(1),
        _MISTAKES: np.array([1 - raw, 1 - averaged]),
        _EACH_PICTURE: hits,
        _DIFFERENCE: averaged - raw,
        _MINUS_DIFFERENCE: raw - averaged,
        _RAW_ALONE: raw,
        _AVERAGED_ALONE: averaged,
    }


def _of_some_pictures(hits: np.ndarray) -> dict[str, Any]:
    """The same of mistakes with batches of pictures, as far as there are enough pictures."""
    count, found = hits.shape[1], {}
    for size in (size for size in _BATCHES if size < count):
        for first in (size, count - count % size):
            found[_FIRST_ALONE.format(first)] = hits[:, :first].mean(1)
        batches = np.split(hits, range(size, count, size), axis=1)
        found[_EQUAL_BATCHES.format(size)] = np.mean([batch.mean(1) for batch in batches], axis=0)
    return found
