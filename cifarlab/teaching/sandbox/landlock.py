"""Restricts this process and its children with Linux Landlock, irrevocably.

The process can then write only below one directory and to a few devices. It can read only Python, system files and
datasets, not other people's files, and it cannot signal processes outside. The kernel reports which of these rules it
supports. On a kernel without Landlock, and on other systems, nothing is restricted; docs/grading-security.md explains
the consequences. `seccomp.py` blocks the network.
"""

import ctypes
import os
import stat
import sys
from collections.abc import Iterable
from pathlib import Path

# System call numbers, which are the same on every processor.
SYS_LANDLOCK_CREATE_RULESET, SYS_LANDLOCK_ADD_RULE, SYS_LANDLOCK_RESTRICT_SELF = 444, 445, 446
LANDLOCK_RULE_PATH_BENEATH = 1  # a rule's type
PR_SET_NO_NEW_PRIVS = 38  # an option of prctl(2), which Landlock requires

LANDLOCK_ACCESS_FS_EXECUTE, LANDLOCK_ACCESS_FS_WRITE_FILE = 1, 2
LANDLOCK_ACCESS_FS_READ_FILE, LANDLOCK_ACCESS_FS_READ_DIR = 4, 8
_READING = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR
_ALL = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1}  # by ABI version; 2 added REFER, 3 added TRUNCATE
LANDLOCK_SCOPE_SIGNAL = 2  # since ABI version 6
_DEVICES = ("null", "zero", "full", "random", "urandom", "nvidia*", "kfd", "dri/*")  # the last three are GPUs


class _Ruleset(ctypes.Structure):
    _fields_ = [("files", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64)]


class _Rule(ctypes.Structure):
    _pack_ = 1
    _fields_ = [("allowed_access", ctypes.c_uint64), ("parent_fd", ctypes.c_int32)]


def abi_version() -> int:
    """Returns the Landlock ABI version of this system; 0 if it does not have Landlock."""
    if sys.platform != "linux":
        return 0
    return max(0, _system(SYS_LANDLOCK_CREATE_RULESET, None, 0, 1))


def restrict_self(writable: Path, readable: Iterable[Path]) -> None:
    """Applies the Landlock rules to this thread and all its children; does nothing on systems without Landlock.

    Args:
        writable: the directory that it may write to.
        readable: further paths that it may read and execute; missing ones are skipped.

    Raises:
        OSError: the system supports Landlock, but a call failed.
    """
    known = abi_version()
    if not known:
        return
    files = _ALL[min(known, 3)]
    wanted = _Ruleset(files, 0, LANDLOCK_SCOPE_SIGNAL if known >= 6 else 0)
    ruleset = _checked(_system(SYS_LANDLOCK_CREATE_RULESET, ctypes.byref(wanted), ctypes.sizeof(wanted), 0))
    _allow(ruleset, writable, files)
    for path in readable:
        _allow(ruleset, path, _READING)
    for device in _DEVICES:
        for path in Path("/dev").glob(device):
            _allow(ruleset, path, LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE)
    _checked(ctypes.CDLL(None, use_errno=True).prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    _checked(_system(SYS_LANDLOCK_RESTRICT_SELF, ruleset, 0))
    os.close(ruleset)


def python_readable_paths() -> list[Path]:
    """Returns the paths of Python, its packages and this one, and of system files."""
    system = ["/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc", "/sys", "/nix/store"]
    system += [str(path) for path in Path("/proc").glob("*") if not path.name.isdigit()]  # no other processes
    python = [sys.prefix, sys.base_prefix]
    libraries = [path for path in os.environ.get("LD_LIBRARY_PATH", "").split(":") if path]
    packages = [path for path in sys.path if Path(path).name in ("site-packages", "dist-packages")]
    return [*map(Path, system + python + libraries + packages), Path(__file__).parents[2]]


def _allow(ruleset: int, path: Path, rights: int) -> None:
    """Adds a rule that allows these rights for a file, or for everything below a directory."""
    try:
        opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not stat.S_ISDIR(os.fstat(opened).st_mode):
            rights &= LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE
        _checked(
            _system(SYS_LANDLOCK_ADD_RULE, ruleset, LANDLOCK_RULE_PATH_BENEATH, ctypes.byref(_Rule(rights, opened)), 0)
        )
    finally:
        os.close(opened)


def _system(*arguments: object) -> int:
    return ctypes.CDLL(None, use_errno=True).syscall(*arguments)


def _checked(result: int) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), f"Landlock: {os.strerror(ctypes.get_errno())}")
    return result
