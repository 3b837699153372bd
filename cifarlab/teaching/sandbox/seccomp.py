"""Blocks network access of this process, its threads and its children with Linux seccomp, irrevocably.

Existing connections stay open. New connections can be neither opened nor accepted, not even through Unix sockets on
this machine, and datagrams cannot be sent. On other systems and processors nothing is blocked; docs/grading-security.md
explains the consequences.
"""

import ctypes
import errno
import platform
import struct
import sys
from typing import NamedTuple


class _Processor(NamedTuple):
    """Linux's identifier of a processor architecture, and the numbers of its system calls."""

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
SYS_IO_URING_SETUP = 425  # on every processor; calls made through io_uring bypass the filter
X32_SYSCALL_BIT = 0x40000000  # on x86-64, the x32 ABI's numbers of the same calls have this bit

BPF_LD_W_ABS, BPF_AND_K, BPF_RET_K = 0x20, 0x54, 0x06  # instruction codes
BPF_JEQ_K, BPF_JGE_K, BPF_JSET_K = 0x15, 0x35, 0x45  # jumps
_NUMBER, _ARCH, _ARGUMENTS = 0, 4, 16  # byte offsets in struct seccomp_data
SECCOMP_RET_ALLOW, SECCOMP_RET_EACCES = 0x7FFF0000, 0x00050000 | errno.EACCES
SOCK_STREAM, SOCK_TYPE_MASK = 1, 0xF  # the type of a socket; the other bits are flags
ADDRESS_FAMILIES = (1, 2, 10)  # Unix, IPv4, IPv6
MSG_FASTOPEN = 0x20000000  # with this flag, sending opens a connection
PR_SET_NO_NEW_PRIVS, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC = 38, 1, 1


class _Filter(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p)]


def block_network() -> bool:
    """Blocks new connections of this process and its children; returns whether this system supports it."""
    known = _PROCESSORS.get(platform.machine())
    if sys.platform != "linux" or sys.byteorder != "little" or known is None:
        return False
    program = _program(known)
    system = ctypes.CDLL(None, use_errno=True)
    system.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    rules = _Filter(len(program) // 8, program)
    return system.syscall(known.seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, ctypes.byref(rules)) == 0


def _program(call: _Processor) -> bytes:
    """Returns the rules as a BPF program; its first rule rejects system calls for another architecture."""
    return _assemble(
        (BPF_LD_W_ABS, _ARCH),
        (BPF_JEQ_K, call.arch, "", "refuse"),
        (BPF_LD_W_ABS, _NUMBER),
        (BPF_JGE_K, X32_SYSCALL_BIT, "refuse", ""),
        *((BPF_JEQ_K, number, "refuse", "") for number in (call.connect, call.bind, call.listen, SYS_IO_URING_SETUP)),
        (BPF_JEQ_K, call.sendmsg, "third", ""),
        (BPF_JEQ_K, call.sendto, "fourth", ""),
        (BPF_JEQ_K, call.sendmmsg, "fourth", ""),
        (BPF_JEQ_K, call.socket, "socket", "allow"),
        "third",
        (BPF_LD_W_ABS, _ARGUMENTS + 2 * 8),
        (BPF_JSET_K, MSG_FASTOPEN, "refuse", "allow"),
        "fourth",
        (BPF_LD_W_ABS, _ARGUMENTS + 3 * 8),
        (BPF_JSET_K, MSG_FASTOPEN, "refuse", "allow"),
        "socket",
        (BPF_LD_W_ABS, _ARGUMENTS),
        *((BPF_JEQ_K, family, "kind", "") for family in ADDRESS_FAMILIES),
        (BPF_RET_K, SECCOMP_RET_EACCES),
        "kind",
        (BPF_LD_W_ABS, _ARGUMENTS + 8),
        (BPF_AND_K, SOCK_TYPE_MASK),
        (BPF_JEQ_K, SOCK_STREAM, "allow", "refuse"),
        "refuse",
        (BPF_RET_K, SECCOMP_RET_EACCES),
        "allow",
        (BPF_RET_K, SECCOMP_RET_ALLOW),
    )


def _assemble(*lines: str | tuple) -> bytes:
    """Encodes instructions; a string is a label for the next instruction, and "" as a target means the next one."""
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
