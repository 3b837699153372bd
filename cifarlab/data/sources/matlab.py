"""Reads SVHN's MATLAB files, of format 5, a few pictures at a time. numpy only.

A whole reader of the format, such as scipy's, would hold a file's pixels in memory twice: 3.3 GB for SVHN's largest.
Here a file is unpacked as it is read. In MATLAB's order the first index runs fastest, so that X, [row, column, channel,
picture], lies in the file picture after picture, and the labels, y, behind all of them.
"""

import contextlib
import math
import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np

from cifarlab.errors import UserError
from cifarlab.text import display_name

_INT8, _INT32, _UINT32, _MATRIX, _COMPRESSED = 1, 5, 6, 14, 15
_DTYPES = {1: "i1", 2: "u1", 3: "<i2", 4: "<u2", 5: "<i4", 6: "<u4", 7: "<f4", 9: "<f8", 12: "<i8", 13: "<u8"}
_NUMERIC = range(6, 16)  # MATLAB's classes double to uint64
_COMPLEX = 0x800  # a flag of a variable
_BLOCK = 1 << 16  # bytes of the file that are unpacked at a time
_MAX_HEADER_BYTES = (
    1 << 8
)  # bytes of a shape or a name; MATLAB's own names have at most 63, and longer shapes are no picture's
_MAX_LISTED = 20  # variables that are named when another one was wanted; a file may hold millions


class MatlabError(UserError):
    """A file that is not what it should be."""


class Variable(NamedTuple):
    """A numeric variable of a file, at the beginning of its values.

    Attributes:
        name: in MATLAB.
        shape: the last axis runs slowest in the file.
        dtype: of the values as they lie there.
        stream: gives their bytes.
    """

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype
    stream: "_Stream"

    def read(self, count: int) -> np.ndarray:
        """The next values, [count], in the file's order.

        Raises:
            MatlabError: the file ends before.
        """
        return np.frombuffer(self.stream.read(count * self.dtype.itemsize), self.dtype)


@contextlib.contextmanager
def open_variable(path: str | os.PathLike, name: str) -> Iterator[Variable]:
    """Opens a file at one of its variables.

    Args:
        path: a file of MATLAB's format 5, as its `save` writes by default.
        name: of the variable.

    Raises:
        MatlabError: it is another kind of file, the variable is missing or not numeric, or the file ends too early.
        OSError: it cannot be read.
    """
    path = Path(path)
    with path.open("rb") as file:
        _check_header(file.read(128), path)
        there: list[str] = []
        for head, stream in _variables(file, path):
            if head.name == name:
                yield _with_values(head, stream, path)
                return
            there = [*there, display_name(head.name)][: _MAX_LISTED + 1]
    more = " and more" if len(there) > _MAX_LISTED else ""
    raise MatlabError(
        f"{path.name} should hold the variable {name}; it holds {', '.join(there[:_MAX_LISTED]) or 'none'}{more}."
    )


def _check_header(head: bytes, path: Path) -> None:
    if head.startswith((b"MATLAB 7.3", b"\x89HDF")):
        raise MatlabError(
            f"{path.name} is of MATLAB's format 7.3; format 5 is read here: in MATLAB, save it with '-v7'."
        )
    if len(head) < 128 or head[124:128] != b"\x00\x01IM":
        raise MatlabError(
            f"{path.name} is no MATLAB file of format 5: bytes 124 to 127 should be 00 01 49 4d, and are "
            f"{head[124:128].hex(' ') or 'missing'}. Is it a page of the server, or another file?"
        )


def _variables(file: BinaryIO, path: Path) -> Iterator[tuple["_Head", "_Stream"]]:
    """The variables of a file, one after the other; none needs to be read to its end."""
    size = path.stat().st_size
    while tag := file.read(8):
        if len(tag) < 8:
            raise _corrupt_error(path, "it ends within a variable")
        kind, length = struct.unpack("<II", tag)
        end = file.tell() + length
        if kind not in (_MATRIX, _COMPRESSED) or length < 8:
            raise _corrupt_error(path, f"an element of kind {kind} stands where a variable should")
        if end > size:
            raise _corrupt_error(path, f"it should be {end:,} bytes long and is {size:,}")
        stream = _Stream(file, length, path, packed=kind == _COMPRESSED)
        if kind == _COMPRESSED and struct.unpack("<II", stream.read(8))[0] != _MATRIX:
            raise _corrupt_error(path, "what is packed is no variable")
        yield _head(stream, path), stream
        file.seek(end)


class _Head(NamedTuple):
    """What stands before a variable's values."""

    flags: int
    shape: tuple[int, ...]
    name: str


def _head(stream: "_Stream", path: Path) -> _Head:
    flags, shape = _element(stream, path, _UINT32), _element(stream, path, _INT32)
    name = _element(stream, path, _INT8).decode("latin-1")
    if len(flags) != 8 or len(shape) % 4:
        raise _corrupt_error(
            path, f"class and shape of the variable {display_name(name)} have another length than they should"
        )
    return _Head(struct.unpack("<II", flags)[0], struct.unpack(f"<{len(shape) // 4}i", shape), name)


def _with_values(head: _Head, stream: "_Stream", path: Path) -> Variable:
    """Reads what tells of the values themselves, and goes to their beginning."""
    kind, length = stream.tag()
    if (head.flags & 0xFF) not in _NUMERIC or head.flags & _COMPLEX or kind not in _DTYPES:
        raise MatlabError(f"{path.name}: the variable {head.name} should hold plain real numbers, and does not.")
    dtype = np.dtype(_DTYPES[kind])
    if min(head.shape, default=-1) < 0 or math.prod(head.shape) * dtype.itemsize != length:
        raise _corrupt_error(path, f"the shape {list(head.shape)} of {head.name} does not fit its {length:,} bytes")
    return Variable(head.name, head.shape, dtype, stream)


def _element(stream: "_Stream", path: Path, kind: int) -> bytes:
    """The bytes of a small element, read with what fills it up to a multiple of 8."""
    found, length = stream.tag()
    if found != kind or length > _MAX_HEADER_BYTES:
        raise _corrupt_error(
            path, f"an element of kind {found} and {length:,} bytes stands where one of kind {kind} should"
        )
    return stream.rest_of_element(length)


class _Stream:
    """The bytes of one element of a file, unpacked as they are asked for."""

    def __init__(self, file: BinaryIO, length: int, path: Path, *, packed: bool) -> None:
        self.file, self.left, self.path = file, length, path
        self.unpacker = zlib.decompressobj() if packed else None
        self.short = b""  # the data of a tag that holds them itself
        self.is_short = False

    def read(self, count: int) -> bytes:
        """The next bytes, exactly so many."""
        if self.is_short:
            data, self.short = self.short[:count], self.short[count:]
        else:
            data = self._read_raw(count) if self.unpacker is None else self._decompress(count)
        if len(data) < count:
            raise _corrupt_error(self.path, f"a variable ends {count - len(data):,} bytes too early")
        return data

    def tag(self) -> tuple[int, int]:
        """Kind and length of the next element; one of up to four bytes lies in its tag."""
        self.is_short = False
        first, second = struct.unpack("<I4s", self.read(8))
        if first >> 16:
            self.short, self.is_short = second, True
            return first & 0xFFFF, min(first >> 16, 4)
        return first, struct.unpack("<I", second)[0]

    def rest_of_element(self, length: int) -> bytes:
        """The bytes of an element whose tag has been read."""
        data = self.read(length)
        if not self.is_short:
            self.read(-length % 8)
        return data

    def _read_raw(self, count: int) -> bytes:
        data = self.file.read(min(count, self.left))
        self.left -= len(data)
        return data

    def _decompress(self, count: int) -> bytes:
        assert self.unpacker is not None
        parts, missing = [], count
        try:
            while missing and not self.unpacker.eof:
                packed = self.unpacker.unconsumed_tail or self._read_raw(_BLOCK)
                if not packed:
                    break
                parts.append(self.unpacker.decompress(packed, missing))
                missing -= len(parts[-1])
        except zlib.error as error:
            raise _corrupt_error(self.path, str(error)) from None
        return b"".join(parts)


def _corrupt_error(path: Path, why: str) -> MatlabError:
    return MatlabError(f"{path.name} is damaged or cut off: {why}. Fetch it again.")
