"""Connecting the processes of a multi-worker job, and saying for whom a process waits."""

import contextlib
import errno
import os
import socket
import threading
from collections.abc import Callable, Iterator

from cifarlab.backend import tf
from cifarlab.config import ConfigError
from cifarlab.errors import WorkerLostError
from cifarlab.training.strategies.tf_config import Worker, split_address

REMINDER_INTERVAL_S = 30.0
"""Seconds between two lines about the workers that do not answer yet."""

PROBE_TIMEOUT_S = 2.0
"""Seconds that a host has to answer before it counts as silent."""


def check_port(worker: Worker) -> None:
    """Checks that this process can listen on its port. A job of one process needs none.

    Raises:
        ConfigError: another process uses the port, or this user may not.
    """
    if len(worker.addresses) == 1:
        return
    with socket.socket() as probe:
        if os.name == "posix":  # as TensorFlow does: connections of an earlier run may still be closing
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", worker.port))
        except OSError as error:
            found = "another process uses it" if error.errno == errno.EADDRINUSE else error.strerror
            raise ConfigError(
                f"worker {worker.index} must listen on port {worker.port}, as {worker.addresses[worker.index]} in "
                f"TF_CONFIG says; {found}. Stop that process, or write another port into every TF_CONFIG."
            ) from None


def connect(worker: Worker, waiting: Callable[[str], object]) -> tf.distribute.Strategy:
    """Waits until all workers of a job have started, and returns their common strategy.

    Args:
        worker: this process.
        waiting: called every `REMINDER_INTERVAL_S`, in another thread, with a line about the workers that are missing.

    Raises:
        ConfigError: this process cannot listen on its port.
        WorkerLostError: TensorFlow gave up waiting, or lost a worker.
    """
    check_port(worker)
    resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
        tf.train.ClusterSpec({"worker": list(worker.addresses)}),
        task_type="worker",
        task_id=worker.index,
        num_accelerators={"GPU": len(tf.config.list_physical_devices("GPU"))},
        rpc_layer="grpc",
    )
    with _reminders(worker, waiting):
        try:
            return tf.distribute.MultiWorkerMirroredStrategy(resolver)
        except tf.errors.OpError as error:
            missing = ", ".join(silent_workers(worker)) or str(error.message).partition("\n")[0]
            raise WorkerLostError(
                f"worker {worker.index} could not connect to all other workers ({missing}). Start all of them with the "
                "same list in TF_CONFIG."
            ) from None


def silent_workers(worker: Worker) -> Iterator[str]:
    """Yields each other worker that accepts no connection, with the reason."""
    for index, address in enumerate(worker.addresses):
        if index == worker.index:
            continue
        try:
            socket.create_connection(split_address(address), timeout=PROBE_TIMEOUT_S).close()
        except socket.gaierror:
            yield f"worker {index} at {address}: unknown host"
        except TimeoutError:
            yield f"worker {index} at {address}: no answer"
        except ConnectionRefusedError:
            yield f"worker {index} at {address}: not started"
        except OSError as error:
            yield f"worker {index} at {address}: {error.strerror}"


@contextlib.contextmanager
def _reminders(worker: Worker, waiting: Callable[[str], object]) -> Iterator[None]:
    connected = threading.Event()

    def remind() -> None:
        while not connected.wait(REMINDER_INTERVAL_S):
            silent = ", ".join(silent_workers(worker))
            if not connected.is_set():
                all_answer = "all workers to connect. They answer, so check that their TF_CONFIGs list the same workers"
                waiting(f"Waiting for {silent or all_answer}.")

    threading.Thread(target=remind, daemon=True).start()
    try:
        yield
    finally:
        connected.set()
