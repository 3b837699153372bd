"""Find mistakes in how TensorFlow datasets were built, before they are read: endless repetition, overlapping splits.

TensorFlow has no public access to the steps of a dataset, so that steps are recognized by the names of their classes.
What is not recognized here is noticed later: an endless dataset by the disk space, an overlap by identical images.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from cifarlab.data.dataset import DataSetError

if TYPE_CHECKING:
    import tensorflow as tf

_INFINITE = -1  # tf.data.INFINITE_CARDINALITY
_SPLITS = ("Take", "Skip", "Shard")


def check_finite(dataset: "tf.data.Dataset", name: str) -> None:
    """Checks that a dataset ends, as far as its steps show.

    Raises:
        DataSetError: it repeats without end.
    """
    if int(dataset.cardinality()) == _INFINITE or any(
        _repeats(step) for step, _, bounded in _steps(dataset) if not bounded
    ):
        raise DataSetError(f"{name} must end; it repeats without end. Remove .repeat(), or add .take(n).")


def check_split(train: "tf.data.Dataset", test: "tf.data.Dataset") -> None:
    """Checks that two datasets are not parts of a dataset that is shuffled again for each of them.

    Raises:
        DataSetError: they are, so that the same images would be in both.
    """
    splits = [{id(step) for step, split, _ in _steps(part) if split and _reshuffles(step)} for part in (train, test)]
    whole = [{id(step) for step, *_ in _steps(part)} for part in (train, test)]
    if splits[0] & whole[1] or splits[1] & whole[0]:
        raise DataSetError(
            "train and test must be different images; both are parts (take, skip or shard) of one dataset that is "
            "shuffled again for each, so that many images would be in both. Pass reshuffle_each_iteration=False to "
            "shuffle, or split before shuffling."
        )


def _steps(dataset: Any) -> Iterator[tuple[Any, bool, bool]]:
    """Yields the steps of a dataset from the last to the first.

    With each come two flags for the steps after it: whether one takes a part of its elements, and whether one can end
    an endless dataset.
    """
    steps = [(dataset, False, False)]
    while steps:
        step, split, bounded = steps.pop()
        yield step, split, bounded
        inputs = list(step._inputs()) if hasattr(step, "_inputs") else []
        name = type(step).__name__
        split = (split or any(word in name for word in _SPLITS)) and "Cache" not in name
        bounded = bounded or "Take" in name or len(inputs) > 1
        steps += [(source, split, bounded) for source in inputs]


def _repeats(step: Any) -> bool:
    return "Repeat" in type(step).__name__ and int(getattr(step, "_count", 1)) == _INFINITE


def _reshuffles(step: Any) -> bool:
    return "Shuffle" in type(step).__name__ and getattr(step, "_reshuffle_each_iteration", False) is not False
