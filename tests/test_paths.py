"""`~` is the home directory in every path that a person passes."""

import dataclasses
import os
import re
from pathlib import Path

import pytest

import cifarlab
from cifarlab.config import ConfigError, EvalConfig, TrainConfig
from cifarlab.data import registry
from cifarlab.data.dataset import DataSetError
from cifarlab.files import as_path
from cifarlab.teaching.sandbox import environment
from cifarlab.training import checkpoint_files
from cifarlab.training.checkpoints import latest_checkpoint
from cifarlab.training.run_log import RunLog, logged_steps, read_log

PACKAGE = Path(cifarlab.__file__).parent
PATHS = {
    TrainConfig: {"dataset", "data_dir", "train_dir"},
    EvalConfig: {"checkpoint_dir", "eval_dir", "dataset", "data_dir"},
}
VARIABLES = {"CIFARLAB_DATA", "CIFARLAB_DATASET"}
"""The environment variables of cifarlab's own that name a path."""


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


@pytest.mark.parametrize("kind", PATHS)
def test_every_setting_with_a_path_is_known(kind):
    """A new setting whose help speaks of a directory, file or path must be marked as one."""
    marked = {field.name for field in dataclasses.fields(kind) if field.metadata["path"]}
    assert marked == PATHS[kind]
    for field in dataclasses.fields(kind):
        words = field.metadata["help"].split(",")[0] + field.name
        named = any(word in words for word in ("directory", "_dir", "path", "file"))
        assert not named or field.name in marked | {"fresh"}, field.name  # the help of `fresh` mentions train_dir


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind in PATHS for name in sorted(PATHS[kind])])
@pytest.mark.parametrize(
    ("given", "expected"),
    [("~", "{home}"), ("~/x", "{home}/x"), ("~/x/../y", "{home}/x/../y"), ("a~", "a~"), ("./~", "./~"), ("x/", "x/")],
)
def test_settings_expand_the_home_directory(home, kind, name, given, expected):
    """The shell does not do it after an equals sign (tensorflow/tensorboard#1397)."""
    config = kind(**{name: given})
    assert getattr(config, name) == expected.format(home=home)


def test_a_saved_run_has_the_expanded_path(home, tmp_path):
    TrainConfig(train_dir="~/x").save(tmp_path / "config.json")
    assert TrainConfig.load(tmp_path / "config.json").train_dir == f"{home}/x"


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("", "{name} must not be empty; got ''. Write a path, or omit it to use the default."),
        ("  ", "{name} must not be empty; got '  '. Write a path, or omit it to use the default."),
        ("gs://b/r", "{name} must be on a disk of this machine; got 'gs://b/r'. Mount it, or copy the files."),
        ("file:///r", "{name} must be on a disk of this machine; got 'file:///r'. Mount it, or copy the files."),
        (
            "~no-such-user/x",
            "{name}: the home directory in ~no-such-user/x must be known; it is not. Write the path in full.",
        ),
    ],
)
@pytest.mark.parametrize("name", ["train_dir", "data_dir", "dataset"])
def test_paths_that_cannot_be_meant_are_refused(name, path, message):
    with pytest.raises(ConfigError) as error:
        TrainConfig(**{name: path})
    assert str(error.value) == message.format(name=name)


def test_cifarlabs_environment_variables_are_known():
    """A new one that names a path must be expanded, and be tested below."""
    named = {
        name
        for path in PACKAGE.rglob("*.py")
        for name in re.findall(r"[\"'](CIFARLAB_\w*)[\"']", path.read_text(encoding="utf-8"))
    }
    assert named - {"CIFARLAB_", "CIFARLAB_CIFAR10_MIRRORS"} == VARIABLES


def test_environment_variables_expand_the_home_directory(home, monkeypatch):
    monkeypatch.setenv("CIFARLAB_DATA", "~/data")
    assert registry.default_data_dir() == home / "data"
    (home / "own").mkdir(parents=True)
    monkeypatch.setenv("CIFARLAB_DATASET", "~/own")
    monkeypatch.setattr(registry, "load", lambda name: None)
    assert str(home / "own") in environment.readable_paths("")


def test_python_arguments_expand_the_home_directory(home):
    home.mkdir()
    RunLog("~").append("checkpoint", 3)
    assert list(read_log("~/log.jsonl")) == list(read_log("~")) == [{"event": "checkpoint", "step": 3}]
    assert logged_steps("~") == {3}
    for end in ("index", "data-00000-of-00001"):
        (home / f"model.ckpt-3.{end}").write_bytes(b"x")
    assert latest_checkpoint("~") == str(home / "model.ckpt-3")
    with checkpoint_files.in_memory("~/model.ckpt-3") as path:
        assert path.endswith("model.ckpt-3")
    TrainConfig(seed=5).save("~/c.json")
    assert TrainConfig.load("~/c.json").seed == 5
    assert not Path("~").exists()


def test_a_user_without_home_directory_gets_one_line(monkeypatch):
    """As in a container with an arbitrary user (python/cpython#10930); a directory named ~ must not be created."""
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    monkeypatch.delenv("CIFARLAB_DATA")
    for name in ("HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(DataSetError) as error:
        registry.default_data_dir()
    assert str(error.value) == (
        "the directory of the datasets must be known; this user has no home directory for the default. Set "
        "CIFARLAB_DATA, or pass --data-dir."
    )


def test_an_unwritable_data_directory_gets_one_line(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(DataSetError, match=r"must be writable and have space; .*/file is a file\)\..*or CIFARLAB_DATA"):
        registry.load("drawn", tmp_path / "file" / "data")


def test_as_path_leaves_other_paths_alone():
    assert [str(as_path(path)) for path in ("a/~", "/a", Path("b"))] == ["a/~", "/a", "b"]
