"""The placement of towers and operations on devices."""

from collections.abc import Iterator, Sequence

from cifarlab.backend import tf
from cifarlab.config import ConfigError
from cifarlab.text import counted


def tower_devices(towers: int, *, virtual: bool = False) -> list[str]:
    """Returns a device for each tower: the available GPUs in turn, or the CPU for all if there is no GPU.

    Args:
        towers: the number of towers.
        virtual: whether to create one logical CPU device per tower and use these, even if there are GPUs.

    Returns:
        Device names, such as ["/device:GPU:0", "/device:GPU:1"].

    Raises:
        ConfigError: logical devices were requested after TensorFlow's first operation.
    """
    if virtual:
        _split_cpu(towers)
    kind = "GPU" if tf.config.list_physical_devices("GPU") and not virtual else "CPU"
    count = len(tf.config.list_logical_devices(kind)) if kind == "GPU" or virtual else 1
    return [f"/device:{kind}:{tower % count}" for tower in range(towers)]


def _split_cpu(count: int) -> None:
    """Splits the CPU into logical devices, which share its cores and memory."""
    cpu = tf.config.list_physical_devices("CPU")[0]
    try:
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * count)
    except RuntimeError:  # TensorFlow is already initialized
        if len(tf.config.list_logical_devices("CPU")) < count:
            raise ConfigError(
                f"virtual_devices must create {count} CPU devices before TensorFlow's first operation. Restart Python "
                "(in a notebook, restart the kernel) and begin with this call."
            ) from None


def describe_towers(devices: Sequence[str], batch_size: int) -> str:
    """Returns one line about the device of each tower and any missing GPUs.

    >>> describe_towers(["/device:CPU:0", "/device:CPU:0"], 64)
    '2 towers of 64 images each, 0 GPUs for them: tower_0 on CPU:0, tower_1 on CPU:0.'
    """
    gpus = len({device for device in devices if "GPU" in device})
    missing = "" if gpus == len(devices) else f", {gpus} GPU{'s' * (gpus != 1)} for them"
    places = ", ".join(f"tower_{number} on {short_device_name(device)}" for number, device in enumerate(devices))
    return f"{len(devices)} towers of {counted(batch_size, 'image')} each{missing}: {places}."


def placement_lines(graph: tf.Graph) -> Iterator[str]:
    """Yields a line for each operation of a graph: its name, type and device.

    >>> with tf.Graph().as_default() as graph, tf.device("CPU:0"):
    ...     _ = tf.constant(1, name="one")
    >>> list(placement_lines(graph))
    ['one (Const): CPU:0']
    """
    for operation in graph.get_operations():
        place = short_device_name(operation.device) or "chosen by TensorFlow"
        yield f"{operation.name} ({operation.type}): {place}"


def short_device_name(device: str) -> str:
    """Returns the last part of a device's full name.

    >>> short_device_name("/job:localhost/replica:0/task:0/device:GPU:1")
    'GPU:1'
    """
    return device.rpartition("device:")[2]
