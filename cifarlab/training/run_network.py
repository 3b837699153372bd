"""The network of a run: which one to create when the run is opened again, and none starts another run unnoticed."""

import hashlib
import json
import os
import sys
from contextlib import suppress
from pathlib import Path
from weakref import WeakKeyDictionary

from cifarlab.backend import tf
from cifarlab.config import TrainConfig
from cifarlab.files import as_path, atomic_write_text
from cifarlab.model.named_networks import BUILT_IN, find_network
from cifarlab.model.network import NetworkError
from cifarlab.text import sanitize
from cifarlab.training.checkpoints import latest_checkpoint

FILE_NAME = "network.json"
"""The file in a run's directory that names the class of a custom network; and, if the settings name the network, the
directory from which it was found."""

_left_by: WeakKeyDictionary[tf.Module, tuple[str, bytes]] = WeakKeyDictionary()
# The run whose weights a network that a user passed has, and a hash of these weights.


def must_be_passed(run: str | os.PathLike) -> bool:
    """Returns whether the network of a run cannot be created from its settings."""
    return (as_path(run) / FILE_NAME).exists() and not _recorded(run).get("directory")


def require_network(run: str | os.PathLike) -> None:
    """Raises `NetworkError` if the network of a run must be passed."""
    if must_be_passed(run):
        name = sanitize(_recorded(run).get("class", "of an unknown class"))
        raise NetworkError(
            f"{sanitize(run)} was trained with a custom network, {name}, which is not saved with it. Pass it again in "
            "Python: cifarlab.evaluate(config, network=...), or cifarlab.train(config, network=...) to resume."
        )


def recorded_name(run: str | os.PathLike, name: str) -> str:
    """Returns the name of a run's network, given that in its settings, so that it is found from any directory."""
    if not (directory := _recorded(run).get("directory")):
        return name
    module, _, attribute = name.rpartition(":")
    if module.endswith(".py"):
        return f"{as_path(directory) / as_path(module)}:{attribute}"
    if directory not in sys.path:
        sys.path.append(directory)  # last, so that a module of the current directory or an installed one comes first
    return name


def _recorded(run: str | os.PathLike) -> dict[str, str]:
    """Returns the content of a run's record of its network; empty if there is none, or it is damaged."""
    with suppress(OSError, ValueError):
        values = json.loads((as_path(run) / FILE_NAME).read_text(encoding="utf-8"))
        if isinstance(values, dict):
            return {key: value for key, value in values.items() if isinstance(value, str)}
    return {}


def check_network(run: str | os.PathLike, network: tf.Module, name: str, *, given: bool) -> None:
    """Checks that a run can be started or resumed with a network.

    Args:
        run: the directory of the run.
        network: the network as it is before the run.
        name: the name of a network in the settings.
        given: whether the user passed the network, instead of this name.

    Raises:
        NetworkError: the run has another network, or a custom one and none was passed; or the network of a new run has
            the weights that another run left in it.
    """
    if latest_checkpoint(run) is not None:  # its weights are read
        if not given:
            require_network(run)
            _check_name(run, name)
        return
    other, digest = _left_by.get(network, ("", b""))
    if digest and digest == _digest(network):
        raise NetworkError(
            f"a new run must not begin with the weights of another run by accident; the network has those of {other}. "
            "Create a new one: pass a function, such as network=lambda: MyNet(); or continue with these weights: "
            "network=copy.deepcopy(network)."
        )


def _check_name(run: str | os.PathLike, name: str) -> None:
    """Raises `NetworkError` if a run was trained with a network of another name."""
    path = as_path(run) / "config.json"
    before = TrainConfig.load(path).network if path.exists() else name
    if before.rpartition(":")[2] != name.rpartition(":")[2]:  # its file may have been moved
        raise NetworkError(
            f"{sanitize(run)} was trained with --network {sanitize(before)}; got {sanitize(name)}. Pass "
            f"--network {sanitize(before)} to resume it, or choose another --train-dir."
        )


def remember_weights(run: str | os.PathLike, network: tf.Module) -> None:
    """Remembers that a network that a user passed has the weights of a run now."""
    with suppress(TypeError):  # a class may define equality without a hash
        _left_by[network] = (sanitize(run), _digest(network))


def record_network(run: str | os.PathLike, network: tf.Module, name: str, *, given: bool) -> None:
    """Writes the class of a custom network to the directory of a run.

    Args:
        run: the directory of the run.
        network: its network.
        name: the name of a network in the settings.
        given: whether the user passed the network, so that it may be another one.
    """
    record = {"class": type(network).__name__}
    if given:
        if type(network) is find_network(name):
            return
    elif name in BUILT_IN:
        return
    else:
        record["directory"] = str(Path.cwd())
    atomic_write_text(as_path(run) / FILE_NAME, json.dumps(record) + "\n")


def _digest(network: tf.Module) -> bytes:
    return hashlib.sha1(b"".join(variable.numpy().tobytes() for variable in network.variables)).digest()
