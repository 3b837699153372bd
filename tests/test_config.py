import dataclasses
import json

import pytest

from cifarlab.config import RECIPES, ConfigError, EvalConfig, RenamedSettingError, TrainConfig


def test_defaults_are_the_tutorials():
    config = TrainConfig()
    assert (config.batch_size, config.max_steps, config.log_frequency) == (128, 1_000_000, 10)
    assert (config.summary_frequency, config.checkpoint_steps, config.checkpoint_secs) == (100, 1000, 600.0)
    assert (config.initial_learning_rate, config.learning_rate_decay_factor, config.epochs_per_decay) == (
        0.1,
        0.1,
        350.0,
    )
    assert (config.moving_average_decay, config.min_fraction_of_examples_in_queue) == (0.9999, 0.4)
    assert config.num_preprocess_threads == 16
    assert config.dataset == "cifar10"
    evaluation = EvalConfig()
    assert (evaluation.eval_data, evaluation.eval_interval_secs, evaluation.run_once) == ("test", 300.0, False)


@pytest.mark.parametrize("kind", [TrainConfig, EvalConfig])
def test_every_setting_has_a_help_text(kind):
    for field in dataclasses.fields(kind):
        assert len(field.metadata["help"]) > 10, field.name


def test_settings_survive_a_file(tmp_path):
    config = TrainConfig(batch_size=7, data_dir="/some/where", seed=3)
    config.save(tmp_path / "config.json")
    assert TrainConfig.load(tmp_path / "config.json") == config
    assert [p.name for p in tmp_path.iterdir()] == ["config.json"]


def test_settings_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        TrainConfig().batch_size = 5


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"batch_sise": 5}, "unknown setting 'batch_sise'. Did you mean batch_size?"),
        ({"batch_size": "many"}, "batch_size must be an integer; got 'many'"),
        ({"batch_size": 1.5}, "batch_size must be an integer; got 1.5"),
        ({"batch_size": True}, "batch_size must be an integer; got True"),
        ({"batch_size": 0}, "batch_size = 0 is out of range"),
        ({"data_dir": 5}, "data_dir must be a string or None; got 5"),
        ({"fresh": 1}, "fresh must be a boolean; got 1"),
        ({"initial_learning_rate": -0.1}, "initial_learning_rate = -0.1 is out of range"),
        ({"initial_learning_rate": float("nan")}, "out of range"),
        ({"fast_ops": "none"}, "fast_ops must be a boolean; got 'none'"),
        ({"min_fraction_of_examples_in_queue": 0.0}, "out of range"),
        ({"moving_average_decay": 1.0}, "out of range"),
        ({"seed": -1}, "out of range"),
        ({"momentum": 1.0}, "momentum = 1.0 is out of range"),
        ({"schedule": "cosine"}, "schedule must be one of staircase, one-cycle; got 'cosine'"),
        ({"distortions": "flip,mirror"}, "distortions = 'flip,mirror' is out of range"),
        ({"distortions": "flip,flip"}, "distortions = 'flip,flip' is out of range"),
        ({"distortions": ""}, "from flip, brightness, contrast, affine; 'none' for crops only"),
    ],
)
def test_bad_settings_are_reported_in_one_line(settings, message):
    with pytest.raises(ConfigError) as error:
        TrainConfig.from_dict(settings)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_an_infinite_interval_is_out_of_range():
    with pytest.raises(ConfigError, match="eval_interval_secs = inf is out of range"):
        EvalConfig(eval_interval_secs=float("inf"))


def test_an_integer_is_accepted_as_a_float():
    assert TrainConfig(checkpoint_secs=5).checkpoint_secs == 5


@pytest.mark.parametrize("content", ["", "{", "[]", '{"batch_size": "x"}', '{"nonsense": 1}'])
def test_damaged_files_are_refused(tmp_path, content):
    (tmp_path / "config.json").write_text(content)
    with pytest.raises(ConfigError, match=r"config\.json"):
        TrainConfig.load(tmp_path / "config.json")


OLD_NAMES = {"keep_checkpoints": 3, "keep_checkpoint_hours": 2.0, "operations": "plain", "distortions": "own"}


@pytest.mark.parametrize("old", [*OLD_NAMES, None])
def test_load_names_renamed_settings(tmp_path, old):
    path = tmp_path / "config.json"
    path.write_text(json.dumps(OLD_NAMES if old is None else {"batch_size": 7, old: OLD_NAMES[old]}))
    with pytest.raises(RenamedSettingError) as error:
        TrainConfig.load(path)
    message = str(error.value)
    for name, words in {
        "keep_checkpoints": "keep_checkpoints is now max_checkpoints_to_keep",
        "keep_checkpoint_hours": "keep_checkpoint_hours is now keep_checkpoint_every_n_hours",
        "operations": "operations is now fast_ops (true for fast, false for plain)",
        "distortions": "the value 'own' of distortions is now 'custom'",
    }.items():
        assert (words in message) == (old in (None, name))
    assert "rename them in the file, or move the file away and pass the run's settings again" in message
    assert "\n" not in message


def test_load_accepts_renamed_settings_under_their_new_names(tmp_path):
    """The advice of the error is sufficient: each new name accepts the value of the old one."""
    renamed = {
        "max_checkpoints_to_keep": OLD_NAMES["keep_checkpoints"],
        "keep_checkpoint_every_n_hours": OLD_NAMES["keep_checkpoint_hours"],
        "fast_ops": False,
        "distortions": "custom",
    }
    (tmp_path / "config.json").write_text(json.dumps(renamed))
    assert TrainConfig.load(tmp_path / "config.json") == TrainConfig(**renamed)


def test_the_file_is_plain_json(tmp_path):
    TrainConfig().save(tmp_path / "c.json")
    assert json.loads((tmp_path / "c.json").read_text())["moving_average_decay"] == 0.9999


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_recipe_has_valid_settings(recipe):
    TrainConfig.from_dict(RECIPES[recipe])


def test_the_tutorials_recipe_equals_the_defaults():
    assert TrainConfig.from_dict(RECIPES["tutorial"]) == TrainConfig()
