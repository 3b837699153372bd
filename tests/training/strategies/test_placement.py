import pytest

from cifarlab.backend import tf
from cifarlab.config import ConfigError, TrainConfig
from cifarlab.monitoring.console import Console
from cifarlab.training.loop import train
from cifarlab.training.strategies.placement import describe_towers, tower_devices

pytestmark = pytest.mark.slow


def test_without_gpus_all_towers_are_on_the_cpu():
    assert tower_devices(3) == ["/device:CPU:0"] * 3


def test_virtual_devices_are_one_per_tower():
    assert tower_devices(4, virtual=True) == [f"/device:CPU:{number}" for number in range(4)]


def test_virtual_devices_cannot_be_added_later():
    tf.zeros([])
    with pytest.raises(ConfigError, match="must create 5 CPU devices before TensorFlow's first operation"):
        tower_devices(5, virtual=True)


@pytest.mark.parametrize(
    ("towers", "gpus", "expected"),
    [
        (2, 2, ["/device:GPU:0", "/device:GPU:1"]),
        (2, 4, ["/device:GPU:0", "/device:GPU:1"]),
        (3, 2, ["/device:GPU:0", "/device:GPU:1", "/device:GPU:0"]),
    ],
)
def test_towers_take_the_gpus_in_turn(monkeypatch, towers, gpus, expected):
    for function in ("list_physical_devices", "list_logical_devices"):
        monkeypatch.setattr(tf.config, function, lambda kind: [kind] * (gpus if kind == "GPU" else 1))
    assert tower_devices(towers) == expected


def test_describe_towers_names_devices_and_missing_gpus():
    assert describe_towers(["/device:GPU:0", "/device:GPU:1"], 128) == (
        "2 towers of 128 images each: tower_0 on GPU:0, tower_1 on GPU:1."
    )
    line = describe_towers(["/device:GPU:0", "/device:GPU:0"], 64)
    assert line == "2 towers of 64 images each, 1 GPU for them: tower_0 on GPU:0, tower_1 on GPU:0."


@pytest.mark.full
def test_two_towers_train(tmp_path, drawn, capsys):
    """The console counts the images of all towers; the learning rate decays after as many epochs as with one tower."""
    config = TrainConfig(
        dataset="drawn",
        train_dir=str(tmp_path),
        batch_size=8,
        num_gpus=2,
        virtual_devices=True,
        log_device_placement=True,
        max_steps=12,
    )
    state = train(config, dataset=drawn, observers=[Console()])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "2 towers of 8 images each, 0 GPUs for them: tower_0 on CPU:0, tower_1 on CPU:1."
    assert any(line.startswith("tower_1/conv1/Conv2D (Conv2D): CPU:1") for line in lines)
    step_10 = next(line for line in lines if ": step 10," in line)
    rate, seconds = float(step_10.split("(")[1].split()[0]), float(step_10.split("; ")[1].split()[0])
    assert rate * seconds == pytest.approx(16, abs=0.0006 * rate + 0.1)  # milliseconds are printed
    assert int(state.step) == 12
    decay_steps = int(10_000 / 16 * 350)
    assert float(state.schedule(decay_steps - 1)) == pytest.approx(0.1)
    assert float(state.schedule(decay_steps)) == pytest.approx(0.01)
