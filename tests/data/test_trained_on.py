"""A run says in one line if its dataset's directory holds other images now, and stops if it has another form."""

import dataclasses
import json
import re

import numpy as np
import pytest

from cifarlab.config import EvalConfig, TrainConfig
from cifarlab.data import trained_on
from cifarlab.data.custom import from_arrays
from cifarlab.data.dataset import DataSet, DataSetError
from cifarlab.data.registry import load
from cifarlab.evaluation.classifier import load_classifier
from cifarlab.evaluation.evaluator import evaluate
from cifarlab.training.loop import train
from cifarlab.training.observers import Observer

IMAGES = np.random.default_rng(0).integers(0, 256, [90, 16, 16, 3], np.uint8)
LABELS = np.arange(90) % 3


def make(directory, train=60, test=20, classes="abc", size=16, shift=0):
    images = IMAGES[:, :size, :size] + np.uint8(shift)
    return from_arrays(
        images[:train], LABELS[:train], directory, test=(images[-test:], LABELS[-test:]), classes=classes
    )


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({}, ""),
        ({"train": 61}, "training images are others now"),
        ({"test": 21}, "test images are others now"),
        ({"shift": 1}, "training and test images are others now"),
        ({"classes": "abd"}, "classes differ now: a, b, d instead of a, b, c"),
        ({"classes": "bac"}, "classes differ now: b, a, c instead of a, b, c"),
        ({"size": 15}, "image shape differs now: 15 x 15 x 3 instead of 16 x 16 x 3"),
    ],
)
@pytest.mark.parametrize("resumed", [False, True])
def test_what_changed_is_said(tmp_path, change, line, resumed):
    run, pets = tmp_path / "run", tmp_path / "pets"
    run.mkdir()
    trained_on.record(run, make(pets))
    now = make(pets, **change)
    if "differ" in line:
        with pytest.raises(DataSetError, match=re.escape(f"{run} was trained on pets, whose {line}")):
            trained_on.compare(run, now, resumed=resumed)
    else:
        found = trained_on.compare(run, now, resumed=resumed)
        assert [text.split(". ")[0] for text in found] == ([f"{run} was trained on pets, whose {line}"] if line else [])
        assert all(("Training continues" in text) == resumed for text in found)
        only_training = line.startswith("training images")
        assert all(("The images for evaluation are the same" in text) == only_training for text in found if not resumed)


def test_runs_without_a_fingerprint_and_datasets_without_images_are_compared_by_their_form(tmp_path):
    run, pets = tmp_path / "run", tmp_path / "pets"
    run.mkdir()
    make(pets).save_description(run / "dataset.json")  # as before fingerprints were recorded
    assert trained_on.compare(run, make(pets, shift=1)) == trained_on.compare(run, make(pets), resumed=True) == []
    trained_on.record(run, make(pets))
    assert trained_on.compare(run, DataSet("pets", tuple("abc"), image_shape=(16, 16, 3), crop_size=12)) == []
    assert trained_on.compare(tmp_path / "nothing", make(pets)) == []
    damaged = json.loads((run / "dataset.json").read_text()) | {"fingerprints": ["train"]}
    (run / "dataset.json").write_text(json.dumps(damaged))
    with pytest.raises(DataSetError, match="must describe a dataset; it cannot be read"):
        trained_on.compare(run, make(pets))


def test_a_directory_that_was_renamed_is_the_same_dataset(tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    trained_on.record(run, make(tmp_path / "pets"))
    (tmp_path / "pets").rename(tmp_path / "animals")
    renamed = load(str(tmp_path / "animals"))
    assert renamed.name == "pets"  # as long as it is described so
    assert trained_on.compare(run, make(tmp_path / "copy"), resumed=True) == []
    with pytest.raises(DataSetError, match=r"was trained on pets; got other\. Choose another --train-dir"):
        trained_on.compare(run, make(tmp_path / "other", train=61), resumed=True)
    assert trained_on.compare(run, make(tmp_path / "other", train=61)) == []  # evaluated on another one, on purpose


class Listener(Observer):
    """Keeps the warnings of a run."""

    def on_start(self, run):
        self.warnings = run.warnings


@pytest.mark.slow
def test_a_run_whose_dataset_was_replaced(tmp_path):
    """Evaluated and resumed, it says so; not after it was trained on the new images, but if it was only looked at."""
    pets, run, seen = tmp_path / "pets", str(tmp_path / "run"), Listener()

    def resume(steps):
        settings = {"max_steps": steps, "batch_size": 4, "fast_ops": False}  # built in less time
        train(TrainConfig(train_dir=run, dataset=str(pets), **settings), observers=[seen])
        return [line for line in seen.warnings if "are others now" in line]

    def evaluated(**settings):
        return [line for line in evaluate(EvalConfig(checkpoint_dir=run, **settings)).warnings if "others now" in line]

    make(pets)
    assert resume(1) == evaluated() == evaluated(dataset=str(pets)) == []
    make(pets, train=61, test=22)
    for found in (evaluated(), evaluated(dataset=str(pets)), resume(1), evaluated()):
        assert len(found) == 1
    assert evaluate(EvalConfig(checkpoint_dir=run)).num_examples == 22
    assert len(load_classifier(run, dataset=load(str(pets))).warnings) == 1
    assert load_classifier(run).warnings == ()  # needs no images
    assert len(resume(2)) == 1
    assert evaluated() == resume(3) == []
    from_arrays(IMAGES, LABELS, pets, classes="abc", test_fraction=0.5)  # without the parts that were there
    assert len(evaluated()) == 1
    make(pets, classes=[*"abcd"])
    with pytest.raises(DataSetError, match="whose classes differ now: a, b, c, d instead of a, b, c"):
        resume(4)


def test_fingerprints_depend_on_images_and_labels_only(tmp_path):
    one, other = make(tmp_path / "a"), make(tmp_path / "b", classes="xyz")
    found = trained_on.fingerprints(one)
    assert found == trained_on.fingerprints(other)
    assert list(found) == ["train", "test"]
    swapped = dataclasses.replace(one, train_files=one.test_files, test_files=one.train_files)
    assert trained_on.fingerprints(swapped) == {"train": found["test"], "test": found["train"]}
    record = bytearray(one.test_files[0].read_bytes())
    record[0] ^= 1  # a label
    one.test_files[0].write_bytes(record)
    assert trained_on.fingerprints(one) == {"train": found["train"], "test": trained_on.fingerprints(one)["test"]}
    assert trained_on.fingerprints(one)["test"] != found["test"]
