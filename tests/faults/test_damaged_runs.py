"""A run's directory after everyday accidents: training resumes, or stops with one line, and never starts again.

The table of what each command prints is written to `artefacts/damaged_runs.md`.
"""

import json
import os
import re
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cifarlab import cli
from cifarlab.backend import tf
from cifarlab.model.network import ConvNet
from cifarlab.training import checkpoint_files
from cifarlab.training.checkpoints import Checkpoints
from cifarlab.training.run_log import read_log
from cifarlab.training.state import TrainState

pytestmark = [pytest.mark.slow, pytest.mark.full, pytest.mark.filterwarnings("ignore:Even though the `tf.config")]

ARTEFACTS = Path(__file__).parents[2] / "artefacts"
ALL_FLAGS = ["--dataset", "drawn", "--batch-size", "8", "--no-fast-ops", "--checkpoint-secs", "0"]
ALL_FLAGS += ["--log-frequency", "1", "--summary-frequency", "0", "--min-fraction-of-examples-in-queue", "0.01"]
DATA = ".data-00000-of-00001"


def run(*arguments):
    """Returns the exit status of the command line, including argparse's."""
    try:
        return cli.main([str(argument) for argument in arguments])
    except SystemExit as error:
        return error.code


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Runs functions eagerly and replaces SavedModels with a marker, because neither is tested here."""

    def save(module, folder, signatures):
        (Path(folder) / "saved_model.pb").touch()

    monkeypatch.setattr(tf.saved_model, "save", save)
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


def train(folder, steps=12, keep=5, every=4):
    flags = [
        "--train-dir",
        folder,
        "--max-steps",
        steps,
        "--max-checkpoints-to-keep",
        keep,
        "--checkpoint-steps",
        every,
    ]
    return run("train", *ALL_FLAGS, *flags)


@pytest.fixture(scope="module")
def runs(data_dir, tmp_path_factory):
    """Runs to damage: "three" has checkpoints of steps 4, 8 and 12, "one" only that of step 12."""
    folder = tmp_path_factory.mktemp("runs")
    tf.config.run_functions_eagerly(True)
    for name, keep in (("three", 5), ("one", 1)):
        assert train(folder / name, keep=keep) == 0
    tf.config.run_functions_eagerly(False)
    assert checkpoint_files.complete_steps(folder / "three") == [4, 8, 12]
    assert checkpoint_files.complete_steps(folder / "one") == [12]
    return folder


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    path = tmp_path_factory.mktemp("image") / "a.png"
    Image.fromarray(np.zeros([32, 32, 3], np.uint8)).save(path)
    return path


@pytest.fixture(scope="module")
def table():
    """Rows of (what happened, what each command did), written to a file at the end."""
    rows: list[tuple[str, ...]] = []
    yield rows
    ARTEFACTS.mkdir(exist_ok=True)
    lines = [f"| {' | '.join(row)} |" for row in (("", "train", "eval", "classify", "export"), ("---",) * 5, *rows)]
    (ARTEFACTS / "damaged_runs.md").write_text("\n".join(lines) + "\n")


def contents(folder):
    ours = (path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("trainer.lock"))
    return {path.relative_to(folder): path.read_bytes() for path in ours}


class Outcome:
    """What one command printed and returned."""

    def __init__(self, capfd, folder, *arguments):
        capfd.readouterr()
        self.status = run(*arguments)
        self.out, self.err = (text.replace(str(folder), "RUN") for text in capfd.readouterr())

    def __str__(self):
        warnings = [line for line in (self.out + self.err).splitlines() if line.startswith("Warning")]
        said = self.err.splitlines() if self.status else warnings
        resumed = re.findall(r"checkpoint at step (\d+)", self.out) + re.findall(r"\(step (\d+),", self.out)
        place = f"step {resumed[0]}" if resumed else ""
        return "; ".join(filter(None, [f"{self.status}", place, *said])).replace("|", "/")


def use(folder, image, capfd, table, what):
    """Runs all commands in a directory, and checks what must hold after any accident."""
    before = contents(folder)
    where = ["--checkpoint-dir", folder]
    outcomes = {
        "eval": Outcome(capfd, folder, "eval", "--run-once", "--num-examples", 8, *where),
        "classify": Outcome(capfd, folder, "classify", image, *where),
        "export": Outcome(capfd, folder, "export", folder.with_name(f"{folder.name}-export"), *where),
    }
    assert contents(folder) == before, "a command that only reads has changed something"
    flags = ["--train-dir", folder, "--max-steps", 14, "--checkpoint-steps", 4]
    trained = Outcome(capfd, folder, "train", *ALL_FLAGS, *flags)
    for name, outcome in {"train": trained, **outcomes}.items():
        assert outcome.status in (0, 2), f"{name}: {outcome.err}"
        if outcome.status:
            assert outcome.err.count("\n") == 1, f"{name}: {outcome.err}"
    assert "step 0, loss" not in trained.out
    if trained.status:
        assert contents(folder) == before, "a refused run has changed something"
    else:
        assert 14 in checkpoint_files.complete_steps(folder)
    table.append((what, str(trained), *map(str, outcomes.values())))
    return trained, outcomes


FILES = [
    "checkpoint",
    "model.ckpt-12.index",
    f"model.ckpt-12{DATA}",
    "model.ckpt-8.index",
    f"model.ckpt-8{DATA}",
    "config.json",
    "dataset.json",
    "log.jsonl",
    "trainer.lock",
]


def missing(path):
    path.unlink(missing_ok=True)


def empty(path):
    path.write_bytes(b"")


def cut_in_half(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def overwritten(path):
    path.write_bytes(b"\x00\xff\n" * 500)


def renamed(path):
    path.rename(path.with_name(path.name + ".bak"))


def copied(path):
    shutil.copy(path, path.with_name(f"{path.stem} (1){path.suffix}"))


def touched(path):
    os.utime(path, (2_000_000_000, 2_000_000_000))


def made_old(path):
    os.utime(path, (0, 0))


GONE, SPOILED, HARMLESS = (missing, renamed), (empty, cut_in_half, overwritten), (copied, touched, made_old)


def expected(variant, name, damage):
    """Returns the step at which training resumes and its warning, or None and its error."""
    step = name.removeprefix("model.ckpt-").split(".")[0]
    if damage in HARMLESS or name in ("checkpoint", "trainer.lock") or step == "8":
        return 12, None
    if step == "12":
        why = f"model.ckpt-12: .*({'missing' if damage in GONE else 'damaged|empty|missing'})"
        return (8, f"skipped {why}") if variant == "three" else (None, f"no checkpoint in .* {why}")
    if damage in GONE:
        return 12, f"{name} is missing"
    if name == "log.jsonl" and damage is not overwritten:
        return 12, f"{name} {'ends at step' if damage is cut_in_half else 'is empty'}"
    return None, f"{name} .*move it away"


CASES = [
    (variant, name, damage)
    for variant in ("three", "one")
    for name in FILES
    for damage in (*GONE, *SPOILED, *HARMLESS)
    if variant == "three" or "-12" in name or name == "checkpoint"
]


@pytest.mark.fault(
    promise="checkpoints", injection="any file of a run missing, empty, damaged, renamed, copied or touched"
)
@pytest.mark.parametrize(("variant", "name", "damage"), CASES, ids=lambda case: getattr(case, "__name__", case))
def test_a_run_with_a_damaged_file_resumes_or_stops(variant, name, damage, runs, image, tmp_path, capfd, table):
    folder = tmp_path / "run"
    shutil.copytree(runs / variant, folder)
    damage(folder / name)
    trained, others = use(folder, image, capfd, table, f"{variant}: {name} {damage.__name__}")
    step, words = expected(variant, name, damage)
    if step is None:
        assert trained.status == 2
        assert re.search(words, trained.err), trained.err
        return
    assert f"from its checkpoint at step {step}." in trained.out
    warnings = [line for line in trained.out.splitlines() if line.startswith("Warning")]
    assert bool(warnings) == bool(words), warnings
    assert not words or re.search(words, warnings[0])
    if not words or name == "log.jsonl":
        assert all((outcome.status, outcome.err) == (0, "") for outcome in others.values())
        assert "(step 12," in others["eval"].out
    if words and "skipped" in words:
        assert all(outcome.status == 0 and re.search(words, outcome.err) for outcome in others.values())
    steps = [line["step"] for line in read_log(folder) if line["event"] == "step"]
    kept = range(12) if name != "log.jsonl" or damage in HARMLESS else range(6) if damage is cut_in_half else range(0)
    assert steps == [*kept, *range(max(len(kept), step), 14)]


def index_with(folder, times, preserved):
    steps = checkpoint_files.complete_steps(folder)
    entries = tuple(map(checkpoint_files.IndexEntry, steps, times[-len(steps) :]))
    checkpoint_files.write_index(folder, checkpoint_files.Index(entries, preserved))


NOW = 1_800_000_000.0
CLOCKS = {
    "equal times": ([NOW] * 3, NOW),
    "descending times": ([NOW, NOW - 60, NOW - 120], NOW),
    "an hour ahead": ([NOW + 3600] * 3, NOW + 3600),
    "a year ahead": ([NOW + 3e7, NOW + 3e7 + 1, NOW + 3e7 + 2], NOW + 3e7),
    "behind": ([1.0, 2.0, 3.0], NOW),
    "preserved in the future": ([NOW, NOW + 1, NOW + 2], 2 * NOW),
}


@pytest.mark.fault(promise="checkpoints", injection="clocks ahead, behind or set back; equal or descending timestamps")
@pytest.mark.parametrize("index", ["with its index", "without its index"])
@pytest.mark.parametrize("clock", CLOCKS)
@pytest.mark.parametrize("variant", ["three", "one"])
def test_no_clock_makes_a_run_start_again(variant, clock, index, runs, image, tmp_path, capfd, table):
    folder = tmp_path / "run"
    shutil.copytree(runs / variant, folder)
    times, preserved = CLOCKS[clock]
    index_with(folder, times, preserved)
    for step, at in zip(checkpoint_files.complete_steps(folder), times, strict=False):
        for path in folder.glob(f"model.ckpt-{step}.*"):
            os.utime(path, (at, at))
    if index == "without its index":
        (folder / "checkpoint").unlink()
    trained, others = use(folder, image, capfd, table, f"{variant}: {clock}, {index}")
    assert "from its checkpoint at step 12." in trained.out
    assert all("(step 12," in outcome.out for name, outcome in others.items() if name == "eval")


@pytest.mark.fault(promise="checkpoints", injection="clocks ahead, behind or set back; equal or descending timestamps")
@pytest.mark.parametrize(("first", "second"), [(3600, 0), (0, 3600), (-3600, 0), (0, -3600), (4e7, -4e7)])
@pytest.mark.parametrize("keep", [1, 2])
def test_a_clock_that_is_set_between_two_sessions_loses_nothing(first, second, keep, data_dir, tmp_path, monkeypatch):
    now, folder = time.time(), tmp_path / "run"
    for steps, shift in ((6, first), (9, second), (12, 0)):
        monkeypatch.setattr(time, "time", lambda shift=shift: now + shift)
        assert train(folder, steps=steps, keep=keep, every=2) == 0
        assert checkpoint_files.complete_steps(folder)[-1] == steps
        assert len(checkpoint_files.complete_steps(folder)) <= keep + 2  # one more for each change of the clock
    assert [line["step"] for line in read_log(folder) if line["event"] == "step"] == list(range(12))


@pytest.mark.fault(promise="checkpoints", injection="clocks ahead, behind or set back; equal or descending timestamps")
def test_another_time_zone_changes_nothing(runs, tmp_path, monkeypatch):
    folder = tmp_path / "run"
    shutil.copytree(runs / "one", folder)
    try:
        for zone, steps in (("Pacific/Kiritimati", 13), ("Pacific/Pago_Pago", 14)):
            monkeypatch.setenv("TZ", zone)
            time.tzset()
            assert train(folder, steps=steps, keep=1) == 0
    finally:
        monkeypatch.undo()
        time.tzset()
    assert checkpoint_files.complete_steps(folder) == [14]
    assert [line["step"] for line in read_log(folder) if line["event"] == "step"] == list(range(14))


def only(*names):
    """Removes all files except those with these names."""

    def damage(folder):
        for path in folder.iterdir():
            if path.name not in names:
                path.unlink()

    return damage


def without_checkpoints(folder):
    for path in folder.glob("model.ckpt*"):
        path.unlink()


def renamed_pair(folder):
    for end in (".index", DATA):
        (folder / f"model.ckpt-12{end}").rename(folder / f"model.ckpt-99{end}")


def copied_pair(folder):
    for end in (".index", DATA):
        shutil.copy(folder / f"model.ckpt-12{end}", folder / f"model.ckpt-13{end}")


def all_indexes_missing(folder):
    for path in folder.glob("*.index"):
        path.unlink()


def latest_missing(folder):
    for path in folder.glob("model.ckpt-12*"):
        path.unlink()


def latest_and_log_missing(folder):
    latest_missing(folder)
    (folder / "log.jsonl").unlink()


def back_to_the_starting_point(folder):
    """Simulates that the checkpoint of step 12 was lost and that of step 0 restored from a backup."""
    state = TrainState(ConvNet(fast_ops=False))
    latest_missing(folder)
    (folder / "checkpoint").unlink()
    Checkpoints(folder, state).save()
    (folder / "checkpoint").unlink()


def swapped(folder):
    for end in (".index", DATA):
        (folder / f"model.ckpt-12{end}").rename(folder / "swap")
        (folder / f"model.ckpt-8{end}").rename(folder / f"model.ckpt-12{end}")
        (folder / "swap").rename(folder / f"model.ckpt-8{end}")


ACCIDENTS = [
    ("three", only("log.jsonl"), None, "files of a run .log.jsonl.*but no checkpoint"),
    ("three", only("checkpoint"), None, "files of a run .checkpoint.*but no checkpoint"),
    ("three", only(f"model.ckpt-12{DATA}"), None, "model.ckpt-12: its .index file is missing"),
    ("three", only("model.ckpt-12.index"), None, "model.ckpt-12: its .data file is missing"),
    ("three", only("model.ckpt-12.index", f"model.ckpt-12{DATA}"), 12, "config.json is missing"),
    ("three", without_checkpoints, None, "log.jsonl, checkpoint.*but no checkpoint"),
    ("three", all_indexes_missing, None, "model.ckpt-12: .*model.ckpt-8: .*model.ckpt-4: "),
    ("one", all_indexes_missing, None, "model.ckpt-12: its .index file is missing"),
    ("three", latest_missing, 8, "checkpoint of step 12 was saved, but its files are missing"),
    ("three", latest_and_log_missing, 8, "checkpoint of step 12 was saved, but its files are missing"),
    ("one", renamed_pair, None, "model.ckpt-99: it holds step 12, .* its name must be model.ckpt-12"),
    ("three", renamed_pair, None, "model.ckpt-99: it holds step 12, .* its name must be model.ckpt-12"),
    ("three", copied_pair, 12, "skipped model.ckpt-13: it holds step 12"),
    ("one", back_to_the_starting_point, None, "model.ckpt-12: its files are missing"),
    ("three", swapped, None, "model.ckpt-12: it holds step 8"),
]


@pytest.mark.fault(promise="checkpoints", injection="several files of a run missing, or checkpoints renamed")
@pytest.mark.parametrize(("variant", "accident", "step", "words"), ACCIDENTS)
def test_a_run_after_an_accident_resumes_or_stops(variant, accident, step, words, runs, image, tmp_path, capfd, table):
    folder = tmp_path / "run"
    shutil.copytree(runs / variant, folder)
    accident(folder)
    left = ", ".join(sorted(path.name for path in folder.iterdir() if not path.name.startswith("trainer")))
    trained, _ = use(folder, image, capfd, table, f"{variant}: only these are left: {left}")
    if step is None:
        assert trained.status == 2, trained.out
        assert re.search(words, trained.err), trained.err
    else:
        assert f"from its checkpoint at step {step}." in trained.out
        assert re.search(words, trained.out), trained.out


@pytest.mark.fault(promise="exact resume", injection="killed before its first checkpoint")
@pytest.mark.parametrize("left", ["starting point", "its half", "settings alone"])
def test_a_run_that_was_killed_before_its_first_checkpoint_resumes(left, data_dir, tmp_path, capfd, monkeypatch):
    folder = tmp_path / "run"

    def killed(*arguments, **values):
        raise MemoryError

    with monkeypatch.context() as patch:
        if left == "starting point":
            patch.setattr(Checkpoints, "save", stop_after_the_first(Checkpoints.save, killed))
        else:
            patch.setattr(checkpoint_files, "write", killed)
        with pytest.raises(MemoryError):
            train(folder)
    if left == "its half":
        (folder / f"model.ckpt-0{DATA}").write_bytes(b"half")
    capfd.readouterr()
    assert train(folder) == 0
    said = capfd.readouterr().out
    assert ("from its checkpoint at step 0." in said) == (left == "starting point")
    assert [line["step"] for line in read_log(folder) if line["event"] == "step"] == list(range(12))
    assert checkpoint_files.complete_steps(folder) == [4, 8, 12]


def stop_after_the_first(save, killed):
    calls = []

    def saves_once(checkpoints):
        calls.append(checkpoints)
        return save(checkpoints) if len(calls) == 1 else killed()

    return saves_once


@pytest.mark.fault(promise="checkpoints", injection="directories of other programs")
@pytest.mark.parametrize("lost", ["", ".index", ".meta", "checkpoint"])
def test_a_run_of_the_tutorials_program_is_never_changed(lost, tmp_path, image, capfd, table):
    folder = tmp_path / "cifar10_train"
    folder.mkdir()
    with tf.Graph().as_default():
        tf.compat.v1.get_variable("conv1/weights", initializer=tf.zeros([5, 5, 3, 64]))
        tf.compat.v1.train.create_global_step()
        saver = tf.compat.v1.train.Saver()
        with tf.compat.v1.Session() as session:
            session.run(tf.compat.v1.global_variables_initializer())
            for step in (11, 21):
                saver.save(session, str(folder / "model.ckpt"), global_step=step)
    if lost:
        (folder / (lost if lost == "checkpoint" else f"model.ckpt-21{lost}")).unlink()
    before = contents(folder)
    for arguments in (
        ["train", *ALL_FLAGS, "--train-dir", folder, "--max-steps", 14],
        ["eval", "--run-once", "--checkpoint-dir", folder],
        ["classify", image, "--checkpoint-dir", folder],
        ["export", tmp_path / "model", "--checkpoint-dir", folder],
    ):
        outcome = Outcome(capfd, folder, *arguments)
        assert outcome.status == 2
        assert "checkpoints of another program (model.ckpt-" in outcome.err
        assert outcome.err.count("\n") == 1
        assert contents(folder) == before
        assert not list(folder.glob("trainer.lock*"))


@pytest.mark.fault(promise="checkpoints", injection="directories of other programs")
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("config.json", '{"model_type": "resnet", "num_labels": 10}'),
        ("config.json", "[1, 2]"),
        ("dataset.json", '{"images": []}'),
        ("log.jsonl", '{"loss": 1.0}\n'),
        ("log.jsonl", ""),
        ("checkpoint", 'model_checkpoint_path: "ckpt-7"\n'),
        ("model.ckpt", "weights"),
    ],
)
def test_files_of_another_program_are_never_changed(name, text, data_dir, tmp_path, capfd):
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / name).write_text(text)
    (folder / "notes.txt").write_text("mine")
    outcome = Outcome(capfd, folder, "train", *ALL_FLAGS, "--train-dir", folder, "--max-steps", 1)
    if name == "model.ckpt":
        assert outcome.status == 0  # none of the names that a run uses
    else:
        assert (outcome.status, outcome.err.count("\n")) == (2, 1)
        assert name in outcome.err
    assert (folder / name).read_text() == text
    assert (folder / "notes.txt").read_text() == "mine"


NAMES = [
    "lr[0.1]",
    "[",
    "]",
    "*",
    "?",
    "a*b?",
    "with blanks ",
    "quote's",
    'double"',
    "ümläut",
    "😀",
    "a\\b",
    "%s",
    "{x}",
]
NAMES += ["$HOME", "a,b", "a\nb", "model.ckpt-7.data-1", "-", "[!a]", "a[", "\udcff\udcfe", "x" * 200]


@pytest.mark.fault(promise="checkpoints", injection="directories with any name that the system allows")
@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_a_run_works_in_a_directory_with_any_name(name, data_dir, image, tmp_path, capfd, monkeypatch):
    folder = tmp_path / name / "run"
    shutil.copytree(data_dir / "drawn", tmp_path / name / "data" / "drawn")
    monkeypatch.setenv("CIFARLAB_DATA", str(tmp_path / name / "data"))
    assert train(folder, steps=3, keep=2, every=1) == 0
    records = Path(json.loads((folder / "dataset.json").read_text())["train_files"][0])
    assert records.is_relative_to((tmp_path / name / "data").resolve())
    assert checkpoint_files.complete_steps(folder) == [2, 3]
    shown = Outcome(capfd, tmp_path, "train", *ALL_FLAGS, "--train-dir", folder, "--max-steps", 5)
    assert shown.status == 0, shown.err
    assert "from its checkpoint at step 3." in shown.out
    assert [line["step"] for line in read_log(folder) if line["event"] == "step"] == list(range(5))
    outcome = Outcome(capfd, tmp_path, "eval", "--run-once", "--num-examples", 8, "--checkpoint-dir", folder)
    assert outcome.status == 0, outcome.err
    assert "(step 5," in outcome.out
    assert Outcome(capfd, tmp_path, "classify", image, "--checkpoint-dir", folder).status == 0
    exported = Outcome(capfd, tmp_path, "export", tmp_path / name / "model", "--checkpoint-dir", folder)
    assert exported.status == 0, exported.err
    assert ("TensorFlow cannot load" in exported.out) == any(character in name for character in "[\\")


def test_the_index_names_what_other_programs_should_load(runs, tmp_path):
    assert tf.train.latest_checkpoint(str(runs / "three")) == str(runs / "three" / "model.ckpt-12")
    state = tf.train.get_checkpoint_state(str(runs / "three"))
    assert [Path(path).name for path in state.all_model_checkpoint_paths] == [f"model.ckpt-{n}" for n in (4, 8, 12)]
    (tmp_path / "one").mkdir()
    assert checkpoint_files.read_index(tmp_path / "one") is None
    index = checkpoint_files.read_index(runs / "three")
    checkpoint_files.write_index(tmp_path / "one", index)
    assert checkpoint_files.read_index(tmp_path / "one") == index
    assert json.loads((runs / "three" / "config.json").read_text())["max_steps"] == 12
