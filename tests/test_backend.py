import os
import subprocess
import sys

import pytest

from cifarlab.backend import suppressed_stderr

pytestmark = pytest.mark.slow


def run(code, **environment):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TF_")} | environment
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=120)


@pytest.mark.full
def test_import_and_one_step_write_nothing_to_stderr():
    done = run(
        "import cifarlab\n"
        "from cifarlab.backend import tf\n"
        "state = cifarlab.TrainState(cifarlab.ConvNet())\n"
        "cifarlab.train_step(state, tf.zeros([4, 24, 24, 3]), tf.zeros([4], tf.int32))\n"
        "tf.function(lambda: cifarlab.train_step(state, tf.zeros([4, 24, 24, 3]), tf.zeros([4], tf.int32)))()\n"
        "print(int(state.step))"
    )
    assert (done.stdout, done.stderr, done.returncode) == ("2\n", "", 0)


@pytest.mark.full
def test_a_level_that_the_user_set_is_respected():
    done = run(
        "from cifarlab.backend import tf; import os; print(os.environ['TF_CPP_MIN_LOG_LEVEL'])",
        TF_CPP_MIN_LOG_LEVEL="1",
    )
    assert done.stdout == "1\n"


@pytest.mark.full
def test_logical_devices_can_still_be_set_after_the_import():
    done = run(
        "from cifarlab.backend import tf\n"
        "import cifarlab.training.loop\n"
        "cpu = tf.config.list_physical_devices('CPU')[0]\n"
        "tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)\n"
        "print(len(tf.config.list_logical_devices('CPU')))"
    )
    assert (done.stdout, done.stderr) == ("2\n", "")


@pytest.mark.full
def test_keras_is_loaded_when_it_is_used_and_not_before():
    done = run(
        "from cifarlab.backend import tf; import sys\n"
        "print([name for name in ('keras', 'matplotlib') if name in sys.modules])\n"
        "from tensorflow.keras import layers\n"
        "print(layers.Dense.__name__, tf.keras.optimizers.SGD.__name__, tf.losses.MeanSquaredError.__name__)"
    )
    assert (done.stdout, done.stderr) == ("[]\nDense SGD MeanSquaredError\n", "")


@pytest.mark.full
def test_gpus_use_memory_growth():
    assert run("import cifarlab.backend, os; print(os.environ['TF_FORCE_GPU_ALLOW_GROWTH'])").stdout == "true\n"


def test_what_was_silenced_is_shown_when_something_fails(capfd):
    with suppressed_stderr():
        os.write(2, b"hidden")
    assert capfd.readouterr().err == ""

    def fail():
        with suppressed_stderr():
            os.write(2, b"the reason")
            raise OSError("failed")

    with pytest.raises(OSError, match="failed"):
        fail()
    assert capfd.readouterr().err == "the reason"
