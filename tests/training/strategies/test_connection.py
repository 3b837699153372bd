"""Ports that are in use, and workers that do not answer."""

import contextlib
import json
import socket
import threading
import time

import pytest

from cifarlab.config import ConfigError, TrainConfig
from cifarlab.errors import WorkerLostError
from cifarlab.monitoring.console import Console
from cifarlab.training.strategies import connection, strategy
from cifarlab.training.strategies.connection import check_port, connect, wait_for_others
from cifarlab.training.strategies.tf_config import Worker


@pytest.fixture
def listener():
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


def free_port():
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as server:
        return server.getsockname()[1]


@pytest.fixture
def closed():
    """An address of this machine at which nothing listens."""
    return f"127.0.0.1:{free_port()}"


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


@pytest.fixture
def fast(monkeypatch):
    monkeypatch.setattr(connection, "REMINDER_INTERVAL_S", 0.1)
    monkeypatch.setattr(connection, "POLL_INTERVAL_S", 0.02)


def test_a_waiting_process_names_each_silent_worker_again_and_again(monkeypatch, fast, listener, closed, capsys):
    """tensorflow/tensorflow#46931: it hangs without a word."""

    errors = {"slow": TimeoutError(), "unknown": socket.gaierror(-2, "?"), "far": OSError(113, "No route to host")}

    def connect_to(address, timeout):
        if time.monotonic() > end:  # all have started
            address = (listening[0], int(listening[1]))
        elif address[0] in errors:
            raise errors[address[0]]
        return real(address, timeout=timeout)

    real, listening, end = socket.create_connection, listener.split(":"), time.monotonic() + 0.5
    monkeypatch.setattr(socket, "create_connection", connect_to)
    me = f"me:{free_port()}"
    wait_for_others(Worker(1, (listener, me, closed, "slow:2", "unknown:3", "far:4")), Console().on_waiting)
    lines = capsys.readouterr().out.splitlines()
    assert 2 <= len(lines) <= 5
    assert set(lines) == {
        f"Waiting for worker 2 at {closed} (not started), worker 3 at slow:2 (no answer), worker 4 at unknown:3 ("
        "unknown host), worker 5 at far:4 (No route to host)."
    }


@pytest.mark.parametrize("count", [2, 3])
def test_processes_that_start_one_after_another_all_meet(fast, count):
    """The last one meets them all at once; a process that has gone on listens with TensorFlow's server."""
    addresses = tuple(f"127.0.0.1:{free_port()}" for _ in range(count))
    met, servers = [], []

    def one(index):
        wait_for_others(Worker(index, addresses), lambda line: None)
        host, port = addresses[index].split(":")
        servers.append(socket.create_server((host, int(port))))  # as TensorFlow does next
        met.append(index)

    threads = [threading.Thread(target=one, args=[index]) for index in range(count)]
    for thread in threads:
        assert not met
        thread.start()
        time.sleep(0.1)
    for thread in threads:
        thread.join(10)
    for server in servers:
        server.close()
    assert sorted(met) == list(range(count))


def test_many_attempts_of_others_do_not_block_this_one(monkeypatch, fast):
    """A full queue of connections that are never accepted would make this process seem silent."""
    monkeypatch.setattr(socket.socket, "listen", lambda self, backlog=1, listen=socket.socket.listen: listen(self, 1))
    mine, other = (f"127.0.0.1:{free_port()}" for _ in range(2))
    thread = threading.Thread(target=wait_for_others, args=[Worker(0, (mine, other)), lambda line: None])
    thread.start()
    time.sleep(0.1)
    for _ in range(20):
        assert connection._why_silent(mine) == ""
        time.sleep(0.05)
    with contextlib.closing(socket.create_server(("127.0.0.1", int(other.split(":")[1])))):
        thread.join(10)
    assert not thread.is_alive()


def test_a_failed_connection_is_one_line(monkeypatch):
    def create(resolver):
        assert resolver.cluster_spec().as_dict() == {"worker": ["a:1", "b:2"]}
        assert (resolver.task_type, resolver.task_id, resolver.rpc_layer) == ("worker", 1, "grpc")
        assert resolver.num_accelerators() == {"GPU": 0}
        raise connection.tf.errors.DeadlineExceededError(None, None, "Barrier timed out\nmore")

    monkeypatch.setattr(connection, "wait_for_others", lambda worker, waiting: None)
    monkeypatch.setattr(connection.tf.distribute, "MultiWorkerMirroredStrategy", create)
    with pytest.raises(WorkerLostError) as found:
        connect(Worker(1, ("a:1", "b:2")), print)
    assert str(found.value) == (
        "worker 1 could not connect to all other workers (Barrier timed out). Start all of them again, with the same "
        "list in TF_CONFIG."
    )
