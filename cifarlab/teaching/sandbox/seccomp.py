"""Linux's seccomp: a process gives up connections for good, for all its threads and for all that it starts.

What is connected already stays so. Afterwards no connection can be opened or taken, not even to programs of this
machine that listen at a file's name, and nothing can be sent without one. Where the system or the processor is not
known here, all stays allowed: docs/instructors.md says what that means.
"""

import ctypes
import errno
import platform
import struct
import sys
from typing import NamedTuple


class _Processor(NamedTuple):
    """What Linux calls a processor, and the numbers of its system calls."""

    arch: int
    seccomp: int
    connect: int
    bind: int
    listen: int
    socket: int
    sendto: int
    sendmsg: int
    sendmmsg: int


_PROCESSORS = {
    "x86_64": _Processor(0xC000003E, 317, 42, 49, 50, 41, 44, 46, 307),
    "aarch64": _Processor(0xC00000B7, 277, 203, 200, 201, 198, 206, 211, 269),
}
_IO_URING_SETUP = 425  # on every processor; what is asked for by its rings passes no filter
_OTHER_NUMBERS = 0x40000000  # from here on an x86-64 counts its calls anew

_LOAD, _AND, _RETURN = 0x20, 0x54, 0x06  # codes of instructions
_EQUAL, _AT_LEAST, _ANY_BIT = 0x15, 0x35, 0x45  # jumps
_NUMBER, _ARCH, _ARGUMENTS = 0, 4, 16  # where they lie, bytes
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000 | errno.EACCES
_STREAM, _KIND = 1, 0xF  # of a socket: the rest of the number is flags
_FAMILIES = (1, 2, 10)  # Unix, IPv4, IPv6
_FAST_OPEN = 0x20000000  # a flag with which what is sent opens the connection that it needs
_NO_NEW_PRIVILEGES, _SET_FILTER, _ALL_THREADS = 38, 1, 1


class _Filter(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p)]


def give_up_connections() -> bool:
    """Forbids connections to this process and all that it starts; returns whether this system can do that."""
    known = _PROCESSORS.get(platform.machine())
    if sys.platform != "linux" or sys.byteorder != "little" or known is None:
        return False
    program = _program(known)
    system = ctypes.CDLL(None, use_errno=True)
    system.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    rules = _Filter(len(program) // 8, program)
    return system.syscall(known.seccomp, _SET_FILTER, _ALL_THREADS, ctypes.byref(rules)) == 0


def _program(call: _Processor) -> bytes:
    """The rules as instructions for Linux's packet filter; the first refuses programs for another processor."""
    return _assembled(
        (_LOAD, _ARCH),
        (_EQUAL, call.arch, "", "refuse"),
        (_LOAD, _NUMBER),
        (_AT_LEAST, _OTHER_NUMBERS, "refuse", ""),
        *((_EQUAL, number, "refuse", "") for number in (call.connect, call.bind, call.listen, _IO_URING_SETUP)),
        (_EQUAL, call.sendmsg, "third", ""),
        (_EQUAL, call.sendto, "fourth", ""),
        (_EQUAL, call.sendmmsg, "fourth", ""),
        (_EQUAL, call.socket, "socket", "allow"),
        "third",
        (_LOAD, _ARGUMENTS + 2 * 8),
        (_ANY_BIT, _FAST_OPEN, "refuse", "allow"),
        "fourth",
        (_LOAD, _ARGUMENTS + 3 * 8),
        (_ANY_BIT, _FAST_OPEN, "refuse", "allow"),
        "socket",
        (_LOAD, _ARGUMENTS),
        *((_EQUAL, family, "kind", "") for family in _FAMILIES),
        (_RETURN, _REFUSE),
        "kind",
        (_LOAD, _ARGUMENTS + 8),
        (_AND, _KIND),
        (_EQUAL, _STREAM, "allow", "refuse"),
        "refuse",
        (_RETURN, _REFUSE),
        "allow",
        (_RETURN, _ALLOW),
    )


def _assembled(*lines: str | tuple) -> bytes:
    """Instructions in bytes; a text is a label, and "" the next line."""
    places: dict[str, int] = {}
    steps: list[tuple] = []
    for line in lines:
        if isinstance(line, str):
            places[line] = len(steps)
        else:
            steps.append(line)
    packed = []
    for here, (code, value, *labels) in enumerate(steps, 1):
        yes, no = (places[label] - here if label else 0 for label in (labels or ("", "")))
        packed.append(struct.pack("HBBI", code, yes, no, value))
    return b"".join(packed)
