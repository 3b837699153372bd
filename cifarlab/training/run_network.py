"""The network of a run: a custom one is not saved with it, and does not take its weights to the next run unnoticed."""

import hashlib
import json
import os
from contextlib import suppress
from weakref import WeakKeyDictionary

from cifarlab.backend import tf
from cifarlab.files import as_path, atomic_write_text
from cifarlab.model.network import ConvNet, NetworkError
from cifarlab.text import sanitize
from cifarlab.training.checkpoints import latest_checkpoint

FILE_NAME = "network.json"
"""The file in a run's directory that names the class of a custom network."""

_left_by: WeakKeyDictionary[tf.Module, tuple[str, bytes]] = WeakKeyDictionary()
# The run whose weights a network that a user passed has, and a hash of these weights.


def is_custom(network: tf.Module) -> bool:
    """Returns whether a network is another one than the tutorial's, which alone can be created from its settings."""
    return type(network) is not ConvNet


def require_network(run: str | os.PathLike) -> None:
    """Raises `NetworkError` if a run has a custom network, which therefore must be passed."""
    path = as_path(run) / FILE_NAME
    if not path.exists():
        return
    name = "of an unknown class"
    with suppress(OSError, ValueError, TypeError, KeyError):
        name = sanitize(json.loads(path.read_text(encoding="utf-8"))["class"])
    raise NetworkError(
        f"{sanitize(run)} was trained with a custom network, {name}, which is not saved with it. Pass it again in "
        "Python: cifarlab.evaluate(config, network=...), or cifarlab.train(config, network=...) to resume."
    )


def check_network(run: str | os.PathLike, network: tf.Module, *, given: bool) -> None:
    """Checks that a run can be started or resumed with a network.

    Args:
        run: the directory of the run.
        network: the network as it is before the run.
        given: whether the user passed the network.

    Raises:
        NetworkError: the run has a custom network and none was passed, or the network of a new run has the weights that
            another run left in it.
    """
    if latest_checkpoint(run) is not None:  # its weights are read
        if not given:
            require_network(run)
        return
    other, digest = _left_by.get(network, ("", b""))
    if digest and digest == _digest(network):
        raise NetworkError(
            f"a new run must not begin with the weights of another run by accident; the network has those of {other}. "
            "Create a new one: pass a function, such as network=lambda: MyNet(); or continue with these weights: "
            "network=copy.deepcopy(network)."
        )


def remember_weights(run: str | os.PathLike, network: tf.Module) -> None:
    """Remembers that a network that a user passed has the weights of a run now."""
    with suppress(TypeError):  # a class may define equality without a hash
        _left_by[network] = (sanitize(run), _digest(network))


def record_network(run: str | os.PathLike, network: tf.Module) -> None:
    """Writes the class of a custom network to the directory of a run."""
    if is_custom(network):
        atomic_write_text(as_path(run) / FILE_NAME, json.dumps({"class": type(network).__name__}) + "\n")


def _digest(network: tf.Module) -> bytes:
    return hashlib.sha1(b"".join(variable.numpy().tobytes() for variable in network.variables)).digest()
