"""The dataset that a run was trained on: recorded in the run's directory, and compared with what is there later."""

import dataclasses
import functools
import hashlib
from pathlib import Path

from cifarlab.data.dataset import DESCRIPTION, SPLITS, DataSet, DataSetError
from cifarlab.data.image_parts import some_of
from cifarlab.text import sanitize

_RESUMED = "Choose another --train-dir, or pass the --dataset of that run as it was then"
_EVALUATED = "Pass a --dataset with the same form, create it again as it was, or train a new run"
_MORE_RESUMED = (
    "Training continues with the new ones; test images that were training images before would make the precision too "
    "high"
)
_SAME_EVALUATED = "The images for evaluation are the same"
_MORE_EVALUATED = "Some of its test images may have been used for training; train a new run to be sure"


def record(run: Path, dataset: DataSet) -> None:
    """Writes the description of a run's dataset to the run's directory, with a fingerprint of the images."""
    dataclasses.replace(dataset, fingerprints=fingerprints(dataset)).save_description(run / DESCRIPTION)


def fingerprints(dataset: DataSet) -> dict[str, str]:
    """Returns a hash of the images and labels of each split that has files. Their paths and names do not matter."""
    return {split: _digest(dataset.files(split)) for split in SPLITS if dataset.files(split)}


def as_it_is_now(described: DataSet) -> DataSet:
    """Returns a run's dataset as its directory describes it now; a built-in one has no description there."""
    for file in described.files("train")[:1]:
        if (path := file.parent / DESCRIPTION).is_file():
            return DataSet.read_description(path)
    return described


def compare(run: Path, found: DataSet, *, resumed: bool = False) -> list[str]:
    """Checks that a dataset is the one that a run was trained on, and returns a line if its images are others now.

    Runs from before fingerprints were recorded, and datasets whose images are not there, are compared by name, classes
    and image size.

    Args:
        run: the directory of the run.
        found: the dataset that is to be used.
        resumed: whether to continue the training of the run, whose step and learning rate belong to its dataset. Then
            the name and the crop size must be the same as well. A directory that was renamed may have another name.

    Raises:
        DataSetError: it is another dataset; the message says what differs and what to do.
    """
    if not (run / DESCRIPTION).exists():
        return []
    before = DataSet.read_description(run / DESCRIPTION)
    changed = _changed_splits(before, found)
    renamed = bool(before.fingerprints) and found.files_exist() and not changed
    trained = f"{sanitize(run)} was trained on {before.name}"
    if resumed and before.name != found.name and not renamed:
        raise DataSetError(f"{trained}; got {found.name}. {_RESUMED}.")
    for what in ("classes", "image_shape", *(["crop_size"] if resumed else [])):
        if (was := getattr(before, what)) != (now := getattr(found, what)):
            differ = f"whose {what.replace('_', ' ')} {'differ' if what == 'classes' else 'differs'}"
            got = f", {differ} now" if before.name == found.name else f"; got {found.name}, {differ}"
            shown = f"{_in_words(now)} instead of {_in_words(was)}"
            raise DataSetError(f"{trained}{got}: {shown}. {_RESUMED if resumed else _EVALUATED}.")
    if not changed or before.name != found.name:
        return []
    others_evaluated = set(changed) - {"training"}
    advice = _MORE_RESUMED if resumed else _MORE_EVALUATED if others_evaluated else _SAME_EVALUATED
    return [f"{trained}, whose {' and '.join(changed)} images are others now. {advice}."]


def _changed_splits(before: DataSet, found: DataSet) -> list[str]:
    """Returns the splits whose images are others than those recorded; none if that is not known."""
    if not before.fingerprints or not found.files_exist():
        return []
    now = fingerprints(found)
    names = {"train": "training"}
    return [names.get(split, split) for split in SPLITS if before.fingerprints.get(split) != now.get(split)]


def _in_words(value: object) -> str:
    """Returns classes or an image shape for a message."""
    if not isinstance(value, tuple):
        return str(value)
    return some_of(value) if isinstance(value[0], str) else " x ".join(map(str, value))


def _digest(files: tuple[Path, ...]) -> str:
    return hashlib.blake2b(b"".join(map(_file_digest, files)), digest_size=16).hexdigest()


def _file_digest(path: Path) -> bytes:
    status = path.stat()
    return _digest_of_version(path, status.st_size, status.st_mtime_ns)


@functools.lru_cache(maxsize=64)
def _digest_of_version(path: Path, size: int, modified: int) -> bytes:
    """Returns the digest of a file, which is read only once as long as its size and time stay the same."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.sha1(usedforsecurity=False)).digest()
