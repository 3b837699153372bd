"""`TF_CONFIG`, the environment variable with which a cluster tells each process of a job which one it is.

Kubeflow, Vertex AI and SageMaker write it. It lists the addresses of all processes by the kind of their task. Here, all
processes that train are equal: a chief is the first of them, and parameter servers are not used.
"""

import dataclasses
import json
import re
from typing import Any, NoReturn

from cifarlab.config import ConfigError

TF_CONFIG_EXAMPLE = '{"cluster": {"worker": ["host0:2222", "host1:2222"]}, "task": {"type": "worker", "index": 0}}'

_CHIEFS = ("chief", "master")  # the older name is still used by SageMaker
_ADDRESS = re.compile(r"(?P<host>\[[0-9a-fA-F:.]+\]|[^\s:/\[\]]+):(?P<port>\d{1,5})")
_ELSEWHERE = {
    "ps": "cifarlab uses no parameter servers, so this process has nothing to do. Run the job without them.",
    "evaluator": "an evaluator does not train. Run `cifarlab eval --checkpoint-dir ...` in this process instead.",
}


@dataclasses.dataclass(frozen=True)
class Worker:
    """One process of a multi-worker job.

    Attributes:
        index: index of this process; 0 is the chief.
        addresses: "host:port" of each process that trains.
    """

    index: int
    addresses: tuple[str, ...]


def split_address(address: str) -> tuple[str, int]:
    """Returns host and port of an address.

    >>> split_address("host0:2222"), split_address("[::1]:80")
    (('host0', 2222), ('::1', 80))
    """
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


def parse_tf_config(text: str | None) -> Worker:
    """Parses the environment variable `TF_CONFIG`.

    Args:
        text: its value, or None if it is not set.

    Raises:
        ConfigError: it is not set, does not describe the workers, or gives this process another task than training.

    >>> parse_tf_config(TF_CONFIG_EXAMPLE)
    Worker(index=0, addresses=('host0:2222', 'host1:2222'))
    """
    settings = _read(text)
    cluster, task = settings.get("cluster"), settings.get("task")
    if not isinstance(cluster, dict) or not isinstance(task, dict):
        _refuse(text, '"cluster" and "task" must be objects')
    kind = task.get("type")
    if isinstance(kind, str) and kind in _ELSEWHERE:
        raise ConfigError(f"TF_CONFIG makes this process {kind} {task.get('index', 0)}: {_ELSEWHERE[kind]}")
    chiefs, workers = _chiefs(text, cluster), _addresses(text, cluster, "worker")
    if kind not in ("worker", *_CHIEFS):
        _refuse(text, f'the type of "task" must be worker or chief, not {json.dumps(kind)}')
    addresses = (*chiefs, *workers)
    if not addresses:
        _refuse(text, "it lists no workers; to train in one process, omit --strategy multi-worker")
    if len(set(addresses)) < len(addresses):
        _refuse(text, "it lists an address twice")
    index, here = _index(text, task), chiefs if kind in _CHIEFS else workers
    if index >= len(here):
        _refuse(text, f"it lists {len(here)} of the type {kind}, so there is none with index {index}")
    return Worker(index + (len(chiefs) if kind == "worker" else 0), addresses)


def _read(text: str | None) -> dict[str, Any]:
    try:
        settings = json.loads(text or "")
    except (ValueError, RecursionError):
        if text and not text.lstrip().startswith(("{", "[", '"')):
            _refuse(text, 'it must contain the JSON text itself, as from export TF_CONFIG="$(cat tf_config.json)"')
        _refuse(text, "it must be JSON, with double quotes" if text else "")
    return settings if isinstance(settings, dict) else _refuse(text, "it must be a JSON object")


def _chiefs(text: str | None, cluster: dict[str, Any]) -> tuple[str, ...]:
    chiefs = [address for name in _CHIEFS for address in _addresses(text, cluster, name)]
    return tuple(chiefs) if len(chiefs) < 2 else _refuse(text, f"it lists {len(chiefs)} chiefs; at most 1 is possible")


def _addresses(text: str | None, cluster: dict[str, Any], name: str) -> tuple[str, ...]:
    """Returns the addresses of one kind of task; an empty tuple if the cluster has none."""
    listed = cluster.get(name)
    if listed is None:
        return ()
    if not isinstance(listed, list):
        _refuse(text, f'"{name}" must be a list of addresses')
    for address in listed:
        found = _ADDRESS.fullmatch(address) if isinstance(address, str) else None
        if found is None or not 0 < int(found["port"]) < 2**16:
            _refuse(text, f"an address must be host:port, not {json.dumps(address)}")
    return tuple(listed)


def _index(text: str | None, task: dict[str, Any]) -> int:
    index = task.get("index")
    if isinstance(index, str) and index.isdecimal():  # some launchers copy it from an environment variable
        index = int(index)
    if type(index) is not int or index < 0:
        _refuse(text, f'the index of "task" must be 0 or more, not {json.dumps(index)}')
    return index


def _refuse(text: str | None, problem: str) -> NoReturn:
    raise ConfigError(
        "for multi-worker training, TF_CONFIG must list all workers and the index of this one, such as "
        f"{TF_CONFIG_EXAMPLE}; got {text or 'nothing'}{problem and f' ({problem})'}."
    )
