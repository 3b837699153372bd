"""Locks with and without the system's, and those that a dead process left behind."""

import errno
import fcntl
import os
import re
import socket
import subprocess
import sys

import pytest

from cifarlab import files, locks
from cifarlab.training.checkpoints import CheckpointError
from cifarlab.training.run_dir import LOCK, training_lock

HERE, ELSEWHERE = socket.gethostname(), "node-7"


@pytest.fixture(
    params=[errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK, 524], ids=["ENOSYS", "EOPNOTSUPP", "ENOLCK", "524"]
)
def no_flock(request, monkeypatch):
    """A file system without `flock`, by each of the errors that they give (tox-dev/filelock#67, HDFGroup/hdf5#3311)."""

    def flock(file, operation):
        raise OSError(request.param, "not supported")

    monkeypatch.setattr(fcntl, "flock", flock)


@pytest.fixture
def dead_process():
    """The number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_a_lock_excludes_others_until_its_release(tmp_path):
    path = tmp_path / "new" / "a.lock"
    lock = locks.acquire(path, 0)
    with pytest.raises(locks.LockedError, match=r"a\.lock is in use by another process") as error:
        locks.acquire(path, 0)
    assert (error.value.advice, error.value.elsewhere) == ("", False)
    lock.release()
    locks.acquire(path, 0).release()


def test_without_flock_a_lock_excludes_others_until_its_release(tmp_path, no_flock):
    path = tmp_path / "a.lock"
    lock = locks.acquire(path, 0)
    with pytest.raises(locks.LockedError) as error:
        locks.acquire(path, 0)
    assert (error.value.holder, error.value.elsewhere) == (f"process {os.getpid()} on {HERE}", False)
    lock.release()
    locks.acquire(path, 0).release()
    assert not list(tmp_path.glob("*.exists"))


def test_the_marker_of_a_dead_process_of_this_machine_is_replaced(tmp_path, no_flock, dead_process):
    (tmp_path / "a.lock.exists").write_text(f"{dead_process}\n{HERE}\n", encoding="utf-8")
    locks.acquire(tmp_path / "a.lock", 0).release()


@pytest.mark.parametrize("text", [f"1234\n{ELSEWHERE}\n", ""], ids=["another machine", "unknown"])
def test_a_marker_that_cannot_be_checked_is_named(tmp_path, monkeypatch, no_flock, text):
    monkeypatch.setattr(files, "POLL_INTERVAL_S", 0.1)
    marker = tmp_path / "a.lock.exists"
    marker.write_text(text, encoding="utf-8")
    with pytest.raises(locks.LockedError) as error, files.file_lock(tmp_path / "a"):
        pass
    holder = f"process 1234 on {ELSEWHERE}" if text else "another process"
    assert str(error.value) == (
        f"{tmp_path}/a.lock is in use by {holder}. Wait until that process has finished. If it no longer runs, delete "
        f"{marker} and try again."
    )
    marker.unlink()  # the advice is sufficient
    with files.file_lock(tmp_path / "a"):
        pass


def test_other_errors_of_flock_are_not_hidden(tmp_path, monkeypatch):
    def flock(file, operation):
        raise OSError(errno.EIO, "broken disk")

    monkeypatch.setattr(fcntl, "flock", flock)
    with pytest.raises(OSError, match="broken disk"):
        locks.acquire(tmp_path / "a.lock", 0)


def test_a_lock_file_that_stayed_does_not_lock_a_system_without_flock(tmp_path, monkeypatch):
    locks.acquire(tmp_path / "a.lock", 0).release()
    assert (tmp_path / "a.lock").exists()
    monkeypatch.setattr(locks, "has_flock", lambda directory: False)
    locks.acquire(tmp_path / "a.lock", 0).release()


def test_training_names_the_lock_of_another_machine(tmp_path, monkeypatch):
    """Whether the system refuses the lock, or the marker of a crashed machine exists."""
    holder = f"process 5 on {ELSEWHERE} (since 2026-11-30 01:02:03)"
    with locks.acquire(tmp_path / LOCK, 0):
        (tmp_path / f"{LOCK}.holder").write_text(holder, encoding="utf-8")
        with pytest.raises(CheckpointError, match=re.escape(holder)) as error, training_lock(tmp_path):
            pass
    assert str(error.value).endswith(f"If it no longer runs, delete {tmp_path / LOCK} and try again.")
    monkeypatch.setattr(locks, "has_flock", lambda directory: False)
    marker = tmp_path / f"{LOCK}.exists"
    marker.write_text(f"5\n{ELSEWHERE}\n", encoding="utf-8")
    with pytest.raises(CheckpointError, match=re.escape(holder)) as error, training_lock(tmp_path):
        pass
    assert str(error.value).endswith(f"If it no longer runs, delete {marker} and try again.")
    marker.unlink()
    with training_lock(tmp_path):
        assert marker.exists()
    assert not marker.exists()


def test_training_waits_for_no_lock_of_this_machine(tmp_path):
    with training_lock(tmp_path), pytest.raises(CheckpointError) as error, training_lock(tmp_path):
        pass
    assert f"in use by process {os.getpid()} on {HERE}" in str(error.value)
    assert str(error.value).endswith("choose another --train-dir.")
