"""Connecting the processes of a multi-worker job, and saying for whom a process waits."""

import contextlib
import errno
import socket
import time
from collections.abc import Callable

from cifarlab.backend import tf
from cifarlab.config import ConfigError
from cifarlab.errors import WorkerLostError
from cifarlab.training.strategies.tf_config import Worker, split_address

REMINDER_INTERVAL_S = 30.0
"""Seconds between two lines about the workers that do not answer yet."""

POLL_INTERVAL_S = 1.0
"""Seconds between two attempts to reach the workers that do not answer yet."""

ANSWER_TIMEOUT_S = 2.0
"""Seconds that a host has to answer an attempt."""


def check_port(worker: Worker) -> None:
    """Checks that this process can listen on its port. A job of one process needs none.

    Raises:
        ConfigError: another process uses the port, or this user may not.
    """
    if len(worker.addresses) > 1:
        _listen(worker).close()


def connect(worker: Worker, waiting: Callable[[str], object]) -> tf.distribute.Strategy:
    """Waits until all workers of a job have started, and returns their common strategy.

    Args:
        worker: this process.
        waiting: called every `REMINDER_INTERVAL_S` with a line about the workers that are missing.

    Raises:
        ConfigError: this process cannot listen on its port.
        WorkerLostError: a worker that had started did not connect.
    """
    wait_for_others(worker, waiting)
    resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
        tf.train.ClusterSpec({"worker": list(worker.addresses)}),
        task_type="worker",
        task_id=worker.index,
        num_accelerators={"GPU": len(tf.config.list_physical_devices("GPU"))},
        rpc_layer="grpc",
    )
    try:
        return tf.distribute.MultiWorkerMirroredStrategy(resolver)
    except tf.errors.OpError as error:
        raise WorkerLostError(
            f"worker {worker.index} could not connect to all other workers ({str(error.message).splitlines()[0]}). "
            "Start all of them again, with the same list in TF_CONFIG."
        ) from None


def wait_for_others(worker: Worker, waiting: Callable[[str], object]) -> None:
    """Returns once every other worker has accepted a connection, from this function or from TensorFlow.

    TensorFlow would wait as well, but without a word, and Ctrl-C would not end it.
    """
    missing = {index: "" for index in range(len(worker.addresses)) if index != worker.index}
    reminded = time.monotonic()
    with _listen(worker) as listener:
        while True:
            missing = {index: why for index in missing if (why := _why_silent(worker.addresses[index]))}
            if not missing:
                return
            if time.monotonic() - reminded >= REMINDER_INTERVAL_S:
                reminded = time.monotonic()
                names = (f"worker {index} at {worker.addresses[index]} ({why})" for index, why in missing.items())
                waiting(f"Waiting for {', '.join(names)}.")
            time.sleep(POLL_INTERVAL_S)
            with contextlib.suppress(BlockingIOError):  # the others only see whether the connection is accepted
                while True:
                    listener.accept()[0].close()


def _listen(worker: Worker) -> socket.socket:
    """Returns a socket that listens on this worker's port without blocking."""
    port = split_address(worker.addresses[worker.index])[1]
    try:
        if socket.has_dualstack_ipv6():
            listener = socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True)
        else:
            listener = socket.create_server(("", port))
    except OSError as error:
        found = "another process uses it" if error.errno == errno.EADDRINUSE else error.strerror
        raise ConfigError(
            f"worker {worker.index} must listen on port {port}, as {worker.addresses[worker.index]} in TF_CONFIG says; "
            f"{found}. Stop that process, or write another port into every TF_CONFIG."
        ) from None
    listener.setblocking(False)
    return listener


def _why_silent(address: str) -> str:
    """Returns why a worker accepts no connection, or "" if it does."""
    try:
        socket.create_connection(split_address(address), timeout=ANSWER_TIMEOUT_S).close()
    except socket.gaierror:
        return "unknown host"
    except TimeoutError:
        return "no answer"
    except ConnectionRefusedError:
        return "not started"
    except OSError as error:
        return error.strerror or type(error).__name__
    return ""
