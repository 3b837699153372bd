"""Ports that are in use, and workers that do not answer."""

import contextlib
import json
import socket
import threading

import pytest

from cifarlab.config import ConfigError, TrainConfig
from cifarlab.errors import WorkerLostError
from cifarlab.monitoring.console import Console
from cifarlab.training.strategies import connection, strategy
from cifarlab.training.strategies.connection import check_port, connect, silent_workers
from cifarlab.training.strategies.tf_config import Worker


@pytest.fixture
def listener():
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def closed():
    """An address of this machine at which nothing listens."""
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as server:
        return f"127.0.0.1:{server.getsockname()[1]}"


def test_a_port_in_use_is_refused_before_anything_connects(monkeypatch, listener, closed):
    """openai/universe-starter-agent#95"""
    monkeypatch.setenv(
        "TF_CONFIG", json.dumps({"cluster": {"worker": [closed, listener]}, "task": {"type": "worker", "index": 1}})
    )
    with pytest.raises(ConfigError) as error:
        strategy.check_tf_config(TrainConfig(strategy="multi-worker"))
    assert str(error.value) == (
        f"worker 1 must listen on port {listener.rpartition(':')[2]}, as {listener} in TF_CONFIG says; another process "
        "uses it. Stop that process, or write another port into every TF_CONFIG."
    )


def test_a_port_of_a_connection_that_has_just_closed_is_free(closed):
    """A job that is started again finds connections of the last one that the system still keeps."""
    host, port = closed.split(":")
    with socket.create_server((host, int(port))) as server, socket.create_connection((host, int(port))):
        server.accept()[0].close()  # this side closes first, so the port stays in TIME_WAIT
    check_port(Worker(0, (closed, "b:1")))


def test_each_silent_worker_is_named_with_the_reason(monkeypatch, listener, closed):
    def connect_to(address, timeout):
        if address[0] == "slow":
            raise TimeoutError
        if address[0] == "unknown":
            raise socket.gaierror(-2, "Name or service not known")
        if address[0] == "far":
            raise OSError(113, "No route to host")
        return real(address, timeout=timeout)

    real = socket.create_connection
    monkeypatch.setattr(socket, "create_connection", connect_to)
    worker = Worker(1, (listener, "me:1", closed, "slow:2", "unknown:3", "far:4"))
    assert list(silent_workers(worker)) == [
        f"worker 2 at {closed}: not started",
        "worker 3 at slow:2: no answer",
        "worker 4 at unknown:3: unknown host",
        "worker 5 at far:4: No route to host",
    ]


def slow_strategy(seconds=0.3, error=None):
    """A stand-in for `MultiWorkerMirroredStrategy` that takes some time to connect."""

    def create(resolver):
        assert resolver.cluster_spec().num_tasks("worker") == 2
        assert (resolver.task_type, resolver.task_id, resolver.rpc_layer) == ("worker", 0, "grpc")
        assert resolver.num_accelerators() == {"GPU": 0}
        threading.Event().wait(seconds)
        if error is not None:
            raise error
        return "connected"

    return create


def test_a_waiting_process_says_for_whom_again_and_again(monkeypatch, closed, capsys):
    """tensorflow/tensorflow#46931: it hangs without a word."""
    monkeypatch.setattr(connection, "REMINDER_INTERVAL_S", 0.1)
    monkeypatch.setattr(connection, "check_port", lambda worker: None)
    monkeypatch.setattr(connection.tf.distribute, "MultiWorkerMirroredStrategy", slow_strategy())
    assert connect(Worker(0, ("a:1", closed)), Console().on_waiting) == "connected"
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) >= 2
    assert set(lines) == {f"Waiting for worker 1 at {closed}: not started."}


def test_no_reminder_comes_after_the_connection(monkeypatch, closed):
    monkeypatch.setattr(connection, "REMINDER_INTERVAL_S", 0.1)
    monkeypatch.setattr(connection, "check_port", lambda worker: None)
    monkeypatch.setattr(connection.tf.distribute, "MultiWorkerMirroredStrategy", slow_strategy(0.0))
    lines = []
    connect(Worker(0, ("a:1", closed)), lines.append)
    threading.Event().wait(0.3)
    assert not lines


def test_workers_that_answer_but_do_not_join_are_reported(monkeypatch, listener):
    monkeypatch.setattr(connection, "REMINDER_INTERVAL_S", 0.1)
    monkeypatch.setattr(connection, "check_port", lambda worker: None)
    monkeypatch.setattr(connection.tf.distribute, "MultiWorkerMirroredStrategy", slow_strategy())
    lines = []
    connect(Worker(0, ("a:1", listener)), lines.append)
    assert lines[0] == (
        "Waiting for all workers to connect. They answer, so check that their TF_CONFIGs list the same workers."
    )


def test_giving_up_is_one_line(monkeypatch, closed):
    error = connection.tf.errors.DeadlineExceededError(None, None, "Barrier timed out\nmore")
    monkeypatch.setattr(connection, "check_port", lambda worker: None)
    monkeypatch.setattr(connection.tf.distribute, "MultiWorkerMirroredStrategy", slow_strategy(0.0, error))
    with pytest.raises(WorkerLostError) as found:
        connect(Worker(0, ("a:1", closed)), print)
    assert str(found.value) == (
        f"worker 0 could not connect to all other workers (worker 1 at {closed}: not started). Start all of them with "
        "the same list in TF_CONFIG."
    )
