"""Read MATLAB files of format 5, such as SVHN's, in small pieces. Needs only NumPy.

SciPy's reader would keep a file's pixels in memory twice, which takes 3.3 GB for SVHN's largest file. This reader
decompresses a file as it is read. In MATLAB's order the first index varies fastest, so X, [row, column, channel,
image], is stored image by image, followed by the labels, y.
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
_COMPLEX = 0x800  # the flag of complex variables
_BLOCK = 1 << 16  # bytes of the file that are decompressed at a time
_MAX_HEADER_BYTES = 1 << 8  # bytes of a shape or name; MATLAB's names have at most 63
_MAX_LISTED = 20  # variables listed in an error message; a file may contain millions


class MatlabError(UserError):
    """An invalid, damaged or unsupported MATLAB file."""


class Variable(NamedTuple):
    """A numeric variable in a file, positioned at its first value.

    Attributes:
        name: the name of the variable.
        shape: its shape; in the file, the first axis varies fastest.
        dtype: the dtype of the values in the file.
        stream: the bytes of the values.
    """

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype
    stream: "_Stream"

    def read(self, count: int) -> np.ndarray:
        """Reads the next values, [count], in the file's order.

        Raises:
            MatlabError: the file ends too early.
        """
        return np.frombuffer(self.stream.read(count * self.dtype.itemsize), self.dtype)


@contextlib.contextmanager
def open_variable(path: str | os.PathLike, name: str) -> Iterator[Variable]:
    """Opens a MATLAB file and positions it at a variable.

    Args:
        path: a MATLAB file of format 5, the default of MATLAB's `save`.
        name: the name of the variable.

    Raises:
        MatlabError: the file has a different format or is damaged, or the variable is missing or not numeric.
        OSError: the file cannot be read.
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
        f"{path.name} must contain the variable {name}; it contains {', '.join(there[:_MAX_LISTED]) or 'none'}{more}."
    )


def _check_header(head: bytes, path: Path) -> None:
    if head.startswith((b"MATLAB 7.3", b"\x89HDF")):
        raise MatlabError(
            f"{path.name} must be a MATLAB file of format 5; got format 7.3. In MATLAB, save it again with '-v7'."
        )
    if len(head) < 128 or head[124:128] != b"\x00\x01IM":
        raise MatlabError(
            f"{path.name} must be a MATLAB file of format 5, with 00 01 49 4d in bytes 124 to 127; got "
            f"{head[124:128].hex(' ') or 'no such bytes'}. It may be an HTML page or a different file."
        )


def _variables(file: BinaryIO, path: Path) -> Iterator[tuple["_Head", "_Stream"]]:
    """Yields the variables of a file in order. They need not be read completely."""
    size = path.stat().st_size
    while tag := file.read(8):
        if len(tag) < 8:
            raise _corrupt_error(path, "the file ends within a variable")
        kind, length = struct.unpack("<II", tag)
        end = file.tell() + length
        if kind not in (_MATRIX, _COMPRESSED) or length < 8:
            raise _corrupt_error(path, f"expected a variable; got an element of type {kind}")
        if end > size:
            raise _corrupt_error(path, f"the file must have {end:,} bytes; got {size:,}")
        stream = _Stream(file, length, path, packed=kind == _COMPRESSED)
        if kind == _COMPRESSED and struct.unpack("<II", stream.read(8))[0] != _MATRIX:
            raise _corrupt_error(path, "the compressed element is not a variable")
        yield _head(stream, path), stream
        file.seek(end)


class _Head(NamedTuple):
    """The header of a variable, before its values."""

    flags: int
    shape: tuple[int, ...]
    name: str


def _head(stream: "_Stream", path: Path) -> _Head:
    flags, shape = _element(stream, path, _UINT32), _element(stream, path, _INT32)
    name = _element(stream, path, _INT8).decode("latin-1")
    if len(flags) != 8 or len(shape) % 4:
        raise _corrupt_error(path, f"class or shape of the variable {display_name(name)} has the wrong length")
    return _Head(struct.unpack("<II", flags)[0], struct.unpack(f"<{len(shape) // 4}i", shape), name)


def _with_values(head: _Head, stream: "_Stream", path: Path) -> Variable:
    """Reads the type and size of the values, and positions the stream at the first value."""
    kind, length = stream.tag()
    if (head.flags & 0xFF) not in _NUMERIC or head.flags & _COMPLEX or kind not in _DTYPES:
        raise MatlabError(f"{path.name}: the variable {head.name} must contain real numbers.")
    dtype = np.dtype(_DTYPES[kind])
    if min(head.shape, default=-1) < 0 or math.prod(head.shape) * dtype.itemsize != length:
        raise _corrupt_error(path, f"the shape {list(head.shape)} of {head.name} does not match its {length:,} bytes")
    return Variable(head.name, head.shape, dtype, stream)


def _element(stream: "_Stream", path: Path, kind: int) -> bytes:
    """Reads a small element and its padding to a multiple of 8 bytes; returns its data."""
    found, length = stream.tag()
    if found != kind or length > _MAX_HEADER_BYTES:
        raise _corrupt_error(path, f"expected an element of type {kind}; got one of type {found} with {length:,} bytes")
    return stream.rest_of_element(length)


class _Stream:
    """The bytes of one element of a file, decompressed as they are read."""

    def __init__(self, file: BinaryIO, length: int, path: Path, *, packed: bool) -> None:
        self.file, self.left, self.path = file, length, path
        self.unpacker = zlib.decompressobj() if packed else None
        self.short = b""  # the data of a small element, stored in its tag
        self.is_short = False

    def read(self, count: int) -> bytes:
        """Reads exactly `count` bytes; raises `MatlabError` if there are fewer."""
        if self.is_short:
            data, self.short = self.short[:count], self.short[count:]
        else:
            data = self._read_raw(count) if self.unpacker is None else self._decompress(count)
        if len(data) < count:
            raise _corrupt_error(self.path, f"a variable ends {count - len(data):,} bytes too early")
        return data

    def tag(self) -> tuple[int, int]:
        """Reads the tag of the next element and returns its type and length; up to 4 bytes of data are in the tag."""
        self.is_short = False
        first, second = struct.unpack("<I4s", self.read(8))
        if first >> 16:
            self.short, self.is_short = second, True
            return first & 0xFFFF, min(first >> 16, 4)
        return first, struct.unpack("<I", second)[0]

    def rest_of_element(self, length: int) -> bytes:
        """Reads the data of an element after its tag."""
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
    return MatlabError(f"{path.name} is damaged or truncated: {why}. Download it again.")
