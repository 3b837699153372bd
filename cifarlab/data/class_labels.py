"""Read labels in any usual form, and give each class a number and a name. Needs only NumPy."""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from cifarlab.data.dataset import DataSetError
from cifarlab.data.records import MAX_CLASSES
from cifarlab.text import counted, display_name, sanitize

_MAX_LISTED = 5  # labels that an error lists


class Labels(NamedTuple):
    """The labels of a dataset.

    Attributes:
        train: numbers of classes, int64[N], indices into `classes`.
        test: the same for the test images; None if there are none yet.
        classes: the class names.
    """

    train: np.ndarray
    test: np.ndarray | None
    classes: tuple[str, ...]


def label_values(labels: Any, name: str = "labels", *, single: bool = False) -> np.ndarray:
    """Returns labels in any usual form as one value per image: bool[N], int64[N] or object[N] of text.

    Args:
        labels: [N], [N, 1] or [1, N] numbers or text, or one-hot rows, [N, classes].
        name: what to call them in errors.
        single: whether there is only one image, so that [1, N] is one-hot.

    Raises:
        DataSetError: a label is missing or not a whole number, or the labels have another form.

    >>> label_values([[0.0, 1.0], [1.0, 0.0]]).tolist(), label_values(["cat", "dog"]).tolist()
    ([1, 0], ['cat', 'dog'])
    """
    if np.ma.is_masked(labels):
        raise DataSetError(
            f"{name} must not be masked; {np.ma.count_masked(labels):,} are. Leave out the images without labels."
        )
    try:
        found = np.asarray(labels)
        if found.dtype.kind in "US" and isinstance(labels, list | tuple):  # NumPy would turn a missing one into "nan"
            found = np.asarray(labels, object)
    except Exception:  # lists of different lengths, and tensors of other libraries
        raise DataSetError(f"{name} must be one per image; got {type(labels).__name__} of several lengths.") from None
    if found.ndim == 2 and (found.shape[1] == 1 or (found.shape[0] == 1 and not single)):
        found = found.reshape(-1)
    if found.ndim not in (1, 2) or found.dtype.kind not in "buifUSOT":
        got = f"{found.dtype}{list(found.shape)}" if found.ndim else type(labels).__name__
        raise DataSetError(f"{name} must be one per image, or one-hot rows [N, classes]; got {got}.")
    if found.dtype.kind in "USOT":
        found = _from_objects(found.astype(object), name)
    if found.dtype.kind == "f":
        wrong = np.argwhere(~np.isfinite(found))
        if len(wrong):
            raise DataSetError(
                f"{name} must be known for each image; image {wrong[0][0]:,} has {found[tuple(wrong[0])]} "
                f"({counted(len(wrong), 'such value')}). Leave out the images without labels."
            )
    return _from_one_hot(found, name) if found.ndim == 2 else _whole(found, name)


def _from_objects(found: np.ndarray, name: str) -> np.ndarray:
    """Converts Python objects to numbers, or all to text."""
    values = [value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else value for value in found.flat]
    text = [isinstance(value, str) for value in values]
    numbers = [isinstance(value, int | float | np.number | np.bool_) for value in values]
    if values and all(numbers):
        return np.array(values).reshape(found.shape)
    blank = [place for place, value in enumerate(values) if isinstance(value, str) and not value.strip()]
    if blank:
        raise DataSetError(
            f"{name} must be known for each image; image {blank[0]:,} has an empty one "
            f"({counted(len(blank), 'such label')}). "
            "Leave out the images without labels."
        )
    if found.ndim == 1 and all(text):
        return np.array([*values, None], object)[:-1]
    same = text if sum(text) >= sum(numbers) else numbers
    place = same.index(False) if False in same else 0
    raise DataSetError(
        f"{name} must be one number or one text for each image; image {place:,} has "
        f"{display_name(repr(values[place]) if values else 'none')}. Complete or leave out such images."
    )


def _whole(found: np.ndarray, name: str) -> np.ndarray:
    if found.dtype.kind in "bO":
        return found
    wrong = np.flatnonzero(found != np.round(found)) if found.dtype.kind == "f" else np.zeros(0)
    if len(wrong):
        raise DataSetError(
            f"{name} must be whole numbers, the numbers of the classes; image {wrong[0]:,} has {found[wrong[0]]:g} "
            f"({counted(len(wrong), 'such label')})."
        )
    return found.astype(np.int64)


def _from_one_hot(found: np.ndarray, name: str) -> np.ndarray:
    ones, zeros = (np.abs(found.astype(np.float64) - value) < 1e-3 for value in (1, 0))
    wrong = np.flatnonzero((ones.sum(axis=1) != 1) | ~(ones | zeros).all(axis=1))
    if len(wrong):
        raise DataSetError(
            f"{name} must be one per image, or one-hot rows with a single 1; row {wrong[0]:,} of "
            f"{found.dtype}{list(found.shape)} is {display_name(found[wrong[0]].tolist())}. Each image has exactly one "
            f"class; from probabilities, pass {name}.argmax(axis=1)."
        )
    return ones.argmax(axis=1)


def encode_labels(train: np.ndarray, test: np.ndarray | None = None, classes: object = None) -> Labels:
    """Gives the classes numbers from 0 on, and names.

    Args:
        train: the training labels, as `label_values` returns them.
        test: the test labels in the same form.
        classes: names in the order of the labels, or a dictionary of label and name. As many names as there are labels
            name them in sorted order; more of them name label 0, label 1 and so on. By default, the labels themselves.

    Raises:
        DataSetError: names and labels do not match, or there are fewer than 2 classes or more than 256, or a test label
            does not occur in training.

    >>> encode_labels(np.array([10, 30, 20]))
    Labels(train=array([0, 2, 1]), test=None, classes=('10', '20', '30'))
    """
    train, test = _numbers_in_text(train, test)
    values = np.unique(train)
    _check_spelling([value for part in (train, test) if part is not None for value in set(part.tolist())])
    if not 2 <= len(values) <= MAX_CLASSES:
        raise DataSetError(
            f"labels must be of 2 to {MAX_CLASSES} classes; got {counted(len(values), 'different label')}: "
            f"{_listed(values)}."
        )
    new = [] if test is None else sorted(set(test.tolist()) - set(values.tolist()), key=str)
    if new:
        raise DataSetError(
            f"test labels must occur among the training labels, {_listed(values)}; these do not: {_listed(new)}. Add "
            "training images of these classes, or leave out their test images."
        )
    names, numbers = _named([value.item() if hasattr(value, "item") else value for value in values], classes)
    table = np.array(numbers, np.int64)
    codes = [None if part is None else table[np.searchsorted(values, part)] for part in (train, test)]
    return Labels(codes[0], codes[1], names)  # type: ignore[arg-type]


def _numbers_in_text(train: np.ndarray, test: np.ndarray | None) -> tuple[np.ndarray, np.ndarray | None]:
    """Converts text to int64 if all of it is whole numbers, so that 10 follows 9."""
    parts = [part for part in (train, test) if part is not None]
    if len({part.dtype.kind == "O" for part in parts}) > 1:
        raise DataSetError(
            f"training and test labels must both be numbers or both be text; got {_listed(np.unique(train))} and "
            f"{_listed(np.unique(test))}."  # type: ignore[arg-type]
        )
    if train.dtype.kind == "O" and all(_is_whole(value) for part in parts for value in set(part.tolist())):
        return train.astype(np.int64), None if test is None else test.astype(np.int64)
    return train, test


def _check_spelling(values: list[Any]) -> None:
    """Refuses labels that differ only in case, surrounding blanks or the encoding of accents."""
    seen: dict[str, str] = {}
    for value in (value for value in values if isinstance(value, str)):
        other = seen.setdefault(unicodedata.normalize("NFKC", value).strip().casefold(), value)
        if other != value:
            raise DataSetError(
                f"each class must have one spelling; got {display_name(ascii(other))} and "
                f"{display_name(ascii(value))}. Correct one of them."
            )


def _is_whole(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 10 and str(int(text)) == text


def _named(values: list[Any], classes: object) -> tuple[tuple[str, ...], list[int]]:
    """Returns the class names, and the number of the class of each of the sorted labels."""
    if isinstance(classes, Mapping):
        names, numbers = _named_by_mapping(values, classes)
    elif classes is None:
        names, numbers = tuple(map(str, values)), list(range(len(values)))
    else:
        names = _checked_names(classes, values)
        numbers = _named_in_order(values, names)
    if not isinstance(values[0], str) and values[0] < 0 and not isinstance(classes, Mapping) and values != [-1, 1]:
        raise DataSetError(
            f"labels must not be negative; got {_listed(values)}. Leave out unlabeled images, such as with "
            "images[labels >= 0], or name every label: classes={-1: ...}."
        )
    if len(names) > MAX_CLASSES or len(set(names)) < len(names):
        twice = next((name for name in names if names.count(name) > 1), "")
        got = f"{display_name(twice)} twice" if twice else f"{len(names):,} names"
        raise DataSetError(f"classes must be at most {MAX_CLASSES} different names; got {got}.")
    return names, numbers


def _checked_names(classes: Any, values: list[Any]) -> tuple[str, ...]:
    """Returns names in the order of the labels; a text such as "0123456789" is a name per character."""
    if isinstance(classes, set | frozenset) or not hasattr(classes, "__iter__"):
        order = ", which has no order" if isinstance(classes, set | frozenset) else ""
        raise DataSetError(
            f"classes must be names in the order of the labels, or a dictionary; got a {type(classes).__name__}{order}."
        )
    classes = _name(classes) if isinstance(classes, bytes) else classes
    if isinstance(classes, str) and not (
        classes.isalnum() and (len(classes) in (len(values), _largest(values) + 1) or _are_numbers(values, classes))
    ):
        raise DataSetError(
            f"classes must be a list of names, or a text with a character for each label, {_listed(values)}; got "
            f"{display_name(repr(classes))}."
        )
    return tuple(map(_name, classes))


def _name(value: Any) -> str:
    """Returns the text of a class name, which may be bytes, a number or a tensor of one of them."""
    value = value.numpy() if hasattr(value, "numpy") else value
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, str | int | float | np.number | np.bool_):
        return str(value)
    raise DataSetError(
        f"classes must be names, each one a text; got {display_name(repr(value))}. Pass a list of texts."
    )


def _largest(values: list[Any]) -> int:
    return -1 if isinstance(values[-1], str) else int(values[-1])


def _are_numbers(values: list[Any], names: Sequence[str]) -> bool:
    """Returns whether the name of each label is its number, as in "0123456789"."""
    return all(isinstance(value, int) and names[value : value + 1] in (str(value), (str(value),)) for value in values)


def _named_by_mapping(values: list[Any], classes: Mapping) -> tuple[tuple[str, ...], list[int]]:
    """Reads {label: name}, or {name: label} as Keras' generators have it; JSON turns the labels into text."""
    pairs = [(_plain(key), _plain(name)) for key, name in classes.items()]
    if all(isinstance(name, int) for _, name in pairs) and not any(isinstance(key, int) for key, _ in pairs):
        pairs = [(label, name) for name, label in pairs]
    by_label = {_plain(key): _name(name) for key, name in sorted(pairs, key=lambda pair: (str(type(pair[0])), pair[0]))}
    missing = [value for value in values if value not in by_label]
    if missing:
        raise DataSetError(
            f"classes must name each label, {_listed(values)}; these are missing: {_listed(missing)}. Add them."
        )
    return tuple(by_label.values()), [list(by_label).index(value) for value in values]


def _plain(value: object) -> Any:
    """Returns a whole number for numbers and their text, a text for bytes, and other values unchanged."""
    value = _name(value) if isinstance(value, bytes) else value
    if isinstance(value, np.integer) or (isinstance(value, str) and _is_whole(value)):
        return int(value)
    return value


def _named_in_order(values: list[Any], names: tuple[str, ...]) -> list[int]:
    """Returns the place of each label's name."""
    if isinstance(values[0], str):
        if unknown := [value for value in values if value not in names]:
            raise DataSetError(f"labels must be among the classes, {_listed(names)}; got {_listed(unknown)}.")
        return [names.index(value) for value in values]
    top = int(values[-1])
    from_zero = values[0] == 0 or _are_numbers(values, names)  # from 0, not from 1
    if values[0] >= 0 and (top == len(names) - 1 or (top < len(names) and from_zero)):
        return list(map(int, values))
    if all(str(value) in names for value in values):
        return [names.index(str(value)) for value in values]
    swapped = [value for value, name in zip(values, names, strict=False) if str(value) in names and str(value) != name]
    if len(names) != len(values) or swapped:
        examples = ", ".join(f"{value}: ..." for value in values[:2])
        raise DataSetError(
            f"classes must be one name for each label, {_listed(values)}; got {counted(len(names), 'name')}, "
            f"{_listed(names)}, "
            f"which do not show the name of each. Pass a dictionary: classes={{{examples}}}."
        )
    return list(range(len(values)))


def _listed(values: Iterable[object]) -> str:
    """Lists the first few values."""
    shown = [display_name(value) for value in values]
    more = f" and {len(shown) - _MAX_LISTED:,} more" if len(shown) > _MAX_LISTED else ""
    return sanitize(", ".join(shown[:_MAX_LISTED]) + more) or "none"
