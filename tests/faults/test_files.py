"""Archives and files: a hostile file cannot escape its directory, run code, or exceed its share of memory and time."""

import ast
import gzip
import io
import json
import math
import os
import pickle
import struct
import subprocess
import sys
import tracemalloc
import zlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from PIL import EpsImagePlugin, Image

from cifarlab.data.dataset import DataSet, DataSetError
from cifarlab.data.image_files import ImageFileError, read_image
from cifarlab.data.sources.archive import extract
from cifarlab.data.sources.download import DownloadError
from cifarlab.model import pretrained_weights
from cifarlab.model.network import ConvNet
from cifarlab.training.run_log import read_log
from tests.faults.fuzz_targets import DESCRIPTION, MEMBERS, STEP, lines

ROOT = Path(__file__).parents[2]


def header(name: bytes, size: int = 0, kind: bytes = b"0", more: bytes = b"") -> bytes:
    """A tar header with any name, size and type, including those that tarfile would not write."""
    block = bytearray(512)
    block[: len(name[:100])] = name[:100]
    block[100:124] = b"0000644\0" * 3
    block[124:136] = b"%011o\0" % size if size >= 0 else b"\xff" * 4 + size.to_bytes(8, "big", signed=True)
    block[136:148] = b"00000000000\0"
    block[148:156] = b" " * 8
    block[156:157] = kind
    block[257:265] = b"ustar\x0000"
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block) + more + bytes(-len(more) % 512)


GOOD = b"".join(header(name.encode(), size, more=bytes(size)) for name, size in MEMBERS.items())
END = bytes(1024)


def unpacked(folder: Path, tar: bytes) -> str:
    """Extracts; checks that either all expected members exist or nothing. Returns the error message, or ""."""
    archive, out = folder / "below" / "a.tar.gz", folder / "below" / "out"
    archive.parent.mkdir(exist_ok=True)
    archive.write_bytes(gzip.compress(tar, 1))
    message = ""
    try:
        extract(archive, out, MEMBERS)
    except DownloadError as error:
        message = str(error)
    there = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.suffix != ".lock"}
    whole = {"below/out", "below/out/a.bin", "below/out/b.bin"}
    assert there == {"below", "below/a.tar.gz"} | (set() if message else whole)
    assert "\n" not in message
    return message


NAMES = [
    b"../a.bin", b"../../a.bin", b"/a.bin", b"batches/../../a.bin", b"batches/../a.bin", b"..", b".", b"", b"/",
    b"batches//a.bin", b"./batches/a.bin", b"batches\\a.bin", b"..\\a.bin", b"C:\\a.bin", b"batches/a.bin\n", b"\xff",
    b"batches/a.bin:stream", b"~/a.bin", b"$HOME/a.bin", b"batches/" + b"x" * 90, b"a.bin", b"batches/A.BIN",
]  # fmt: skip
KINDS = {
    "file": b"0", "old file": b"\0", "hard link": b"1", "symbolic link": b"2", "character device": b"3",
    "block device": b"4", "folder": b"5", "pipe": b"6", "contiguous file": b"7", "unknown": b"Z", "volume": b"V",
}  # fmt: skip


@pytest.mark.fault(
    promise="archives and files", injection="archives that contain paths, links, devices and absolute names"
)
@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_member_with_another_name_goes_nowhere(tmp_path, kind, count_trial):
    for number, name in enumerate(NAMES):
        home = tmp_path / str(number)
        home.mkdir()
        assert unpacked(home, header(name, kind=kind) + GOOD + END) == ""
        count_trial()


@pytest.mark.fault(
    promise="archives and files", injection="archives with members missing, duplicated, or of another type or length"
)
@pytest.mark.parametrize("kind", [kind for name, kind in KINDS.items() if "file" not in name])
def test_a_member_of_another_kind_is_refused(tmp_path, kind):
    assert "batches/a.bin is not a regular file" in unpacked(tmp_path, header(b"batches/a.bin", kind=kind) + GOOD + END)


@pytest.mark.fault(
    promise="archives and files", injection="archives with members missing, duplicated, or of another type or length"
)
@pytest.mark.parametrize("size", [-1, -512, -(2**62), 0, 2, 4, 2**33 - 1])
def test_a_member_of_another_length_is_refused(tmp_path, size):
    message = unpacked(tmp_path, header(b"batches/a.bin", size, more=b"abc") + GOOD + END)
    assert f"batches/a.bin has {size:,} bytes instead of 3" in message or "much larger than these files" in message


@pytest.mark.fault(promise="archives and files", injection="archives with huge or endless headers")
@pytest.mark.parametrize("kind", [b"x", b"g", b"X", b"L", b"K"])
@pytest.mark.parametrize(
    "more", [b"1" * 60_000, b"0 hdrcharset=" * 20_000, b"GNU.sparse.map=" + b"0," * 200_000, bytes(10_000)]
)
def test_huge_header_is_not_read(tmp_path, kind, more):
    """tarfile's time to parse a header of digits grows with the square of its length."""
    message = unpacked(tmp_path, header(b"a", len(more), kind, more) + GOOD + END)
    assert f"it has a header of {len(more):,} bytes" in message


@pytest.mark.fault(promise="archives and files", injection="archives with huge or endless headers")
@pytest.mark.parametrize(
    ("kind", "more"), [(b"x", b"9 a=bbbb\n"), (b"L", b"abc\0"), (b"K", b"abc\0"), (b"X", b"9 a=bbbb\n")]
)
def test_headers_of_headers_of_headers_are_refused(tmp_path, kind, more):
    message = unpacked(tmp_path, header(b"a", len(more), kind, more) * 10_000 + GOOD + END)
    assert "it is damaged or not a .tar.gz file" in message


@pytest.mark.fault(promise="archives and files", injection="archives with huge or endless headers")
@pytest.mark.parametrize(
    "more", [b"9" * 30 + b" a=b\n", b"0 a=b\n", b"-5 a=b\n", b"25 GNU.sparse.map=9,9,9,9\n", b"18 size=" + b"9" * 9]
)
def test_invalid_extended_header_is_reported_or_skipped(tmp_path, more):
    """The first was found by atheris: tarfile raises an OverflowError."""
    unpacked(tmp_path, header(b"a", len(more), b"x", more) + GOOD + END)


@pytest.mark.fault(promise="archives and files", injection="archives with huge or endless headers")
@pytest.mark.parametrize("kind", [b"x", b"g", b"L", b"K", b"S", b"5", b"Z"])
@pytest.mark.parametrize("size", [-1, -512, -1024, -(2**62)])
def test_header_with_negative_size_causes_no_endless_loop(tmp_path, kind, size):
    unpacked(tmp_path, header(b"a", size, kind) * 3 + GOOD + END)


# ---- files that would fill memory or disk


LITTLE_MEMORY = """
import resource, sys
from pathlib import Path
from tests.faults.fuzz_targets import tries
name, folder, megabytes = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
work = folder / "work"
work.mkdir()
tries(name, work, (folder / "seed").read_bytes())  # loads what the reader needs only once, so that it does not count
own = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (own + (megabytes << 20),) * 2)
for path in sys.argv[4:]:
    print(tries(name, work, Path(path).read_bytes()), flush=True)
"""


def could_read(reader: str, folder: Path, seed: bytes, files: Iterable[bytes], megabytes: int) -> list[bool]:
    """Reads files in another process with a limit on additional memory; returns for each whether it could be read."""
    if not Path("/proc/self/statm").exists():
        pytest.skip("limiting memory needs Linux")
    (folder / "seed").write_bytes(seed)
    paths = []
    for number, data in enumerate(files):
        paths.append(folder / str(number))
        paths[-1].write_bytes(data)
    command = [sys.executable, "-c", LITTLE_MEMORY, reader, str(folder), str(megabytes), *map(str, paths)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]
    return [word == "True" for word in done.stdout.split()]


def zeros(gigabytes: int) -> bytes:
    """Gigabytes of zeros as concatenated gzip files, which form one."""
    return gzip.compress(bytes(1 << 26), 9) * (16 * gigabytes)


@pytest.mark.fault(promise="archives and files", injection="archives that decompress to gigabytes")
def test_archive_that_decompresses_to_gigabytes_is_rejected(tmp_path, count_trial):
    long, other = header(b"batches/zeros", 2**33 - 1), header(b"batches/a.bin", 2**33 - 1)
    bombs = [gzip.compress(first) + zeros(4) for first in (b"", long, other, GOOD, GOOD + END)]
    assert max(map(len, bombs)) < 5e6
    assert could_read("archive", tmp_path, gzip.compress(GOOD + END), bombs, 64) == [False] * 5
    count_trial(5)


def packed_variable(name: bytes, kind: int, shape: list[int], head: bytes, zeros_behind: int) -> bytes:
    """A compressed variable of a MATLAB file with the values `head` and any number of zeros."""

    def element(kind: int, data: bytes) -> bytes:
        return struct.pack("<II", kind, len(data)) + data + bytes(-len(data) % 8)

    before = (
        element(6, struct.pack("<II", 9, 0)) + element(5, struct.pack(f"<{len(shape)}i", *shape)) + element(1, name)
    )
    packer = zlib.compressobj(9)
    start = struct.pack("<II", 14, 0) + before + struct.pack("<II", kind, len(head) + zeros_behind) + head
    packed = packer.compress(start) + packer.flush(zlib.Z_FULL_FLUSH)  # makes the rest independent of what comes before
    block = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    packed += block * (zeros_behind >> 20)
    return struct.pack("<II", 15, len(packed)) + packed


def matlab_file(labels: int, pixels: int, said: int | None = None) -> bytes:
    """A file with the given numbers of labels, all one, and of black images; `said` is the number it claims to have."""
    y = packed_variable(b"y", 2, [said or labels, 1], b"\1" * labels, 0)
    x = packed_variable(b"X", 2, [32, 32, 3, pixels], b"", 3072 * pixels)
    return bytes(124) + b"\x00\x01IM" + y + x


@pytest.mark.fault(promise="archives and files", injection="files that would fill the memory")
def test_a_matlab_file_takes_little_memory_whatever_it_says(tmp_path, count_trial):
    many = [matlab_file(1024, 1024, said) for said in (2_000_000_000, 10_000_000, 1_000_000)]
    files = [matlab_file(100 * 1024, 100 * 1024), *many]  # the first decompresses to 300 MB
    assert max(map(len, files)) < 500_000
    assert could_read("MATLAB", tmp_path, matlab_file(1024, 1024), files, 60) == [True, False, False, False]
    count_trial(4)


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width: int, height: int) -> bytes:
    packed = zlib.compress(bytes(1 << 20), 9) * 3
    head = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def saved(kind: str, mode: str = "RGB", size: tuple[int, int] = (10, 12), **told) -> bytes:
    Image.new(mode, size).save(file := io.BytesIO(), kind, **told)
    return file.getvalue()


def with_size(whole: bytes, at: int, form: str, *size: int) -> bytes:
    """An image with a wrong size in its header."""
    new = struct.pack(form, *size)
    return whole[:at] + new + whole[at + len(new) :]


def icon(inside: bytes) -> bytes:
    """An icon of 16 x 16 that contains a different image."""
    return struct.pack("<HHHBBBBHHII", 0, 1, 1, 16, 16, 0, 0, 1, 32, len(inside), 22) + inside


def bombs() -> dict[str, bytes]:
    """Small files of images that would take gigabytes."""
    jpeg = saved("JPEG")
    return {
        "PNG": png(60_000, 60_000),
        "PNG, above the limit": png(9_000, 9_000),
        "PNG, one row": png(1, 1 << 30),
        "GIF": with_size(saved("GIF", "P"), 6, "<HH", 65_535, 65_535),
        "BMP": with_size(saved("BMP"), 18, "<ii", 60_000, 60_000),
        "JPEG": with_size(jpeg, jpeg.index(b"\xff\xc0") + 5, ">HH", 65_500, 65_500),
        "PPM": b"P6 60000 60000 255\n" + bytes(1000),
        "TGA": with_size(saved("TGA", compression="tga_rle"), 12, "<HH", 60_000, 60_000),
        "PCX": with_size(saved("PCX"), 8, "<HH", 60_000, 60_000),
        "ICO": icon(png(60_000, 60_000)),
        "ICO, less": icon(png(12_000, 12_000)),
        "TIFF": saved("TIFF", "1", (40_000, 40_000), compression="group4"),
    }


@pytest.mark.fault(promise="archives and files", injection="images that would fill the memory")
def test_a_picture_that_unpacks_to_gigabytes_is_refused(tmp_path, count_trial):
    files = bombs()
    assert max(map(len, files.values())) < 300_000
    found = could_read("picture", tmp_path, saved("PNG"), files.values(), 250)
    assert dict(zip(files, found, strict=True)) == dict.fromkeys(files, False)
    count_trial(len(files))


@pytest.mark.fault(promise="archives and files", injection="images that would fill the memory")
@pytest.mark.parametrize(("kind", "mode", "megabytes"), [("TIFF", "1", 500), ("JPEG", "RGB", 700)])
def test_the_largest_picture_takes_its_share(tmp_path, soak, kind, mode, megabytes):
    if not soak:
        pytest.skip("takes some seconds; make soak")
    told = {"compression": "group4"} if kind == "TIFF" else {}
    whole = saved(kind, mode, (8_900, 8_900), **told)
    assert could_read("picture", tmp_path, saved("PNG"), [whole], megabytes) == [True]


def peak_of(function) -> int:
    """Returns the peak memory that a function allocates, in bytes."""
    tracemalloc.start()
    try:
        function()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.fault(promise="archives and files", injection="files that would fill the memory")
def test_a_log_of_one_line_without_end_takes_little_memory(tmp_path):
    (tmp_path / "log.jsonl").write_bytes(lines(STEP))
    with (tmp_path / "log.jsonl").open("r+b") as file:
        file.truncate(200_000_000)  # zeros
        file.seek(0, os.SEEK_END)
        file.write(b"\n" + lines(STEP))
    found = []
    assert peak_of(lambda: found.extend(read_log(tmp_path))) < 20e6
    assert [event["step"] for event in found] == [90, 90]


@pytest.mark.fault(promise="archives and files", injection="files that would fill the memory")
def test_records_of_large_pictures_are_not_read_a_thousand_at_a_time(tmp_path):
    shape = [1024, 1024, 3]
    (tmp_path / "dataset.json").write_text(json.dumps({**DESCRIPTION, "image_shape": shape}))
    for name in ("train.bin", "test.bin"):
        with (tmp_path / name).open("wb") as file:
            file.truncate(50 * (math.prod(shape) + 1))
    assert peak_of(DataSet.read_description(tmp_path / "dataset.json").validate) < 60e6


@pytest.mark.fault(promise="archives and files", injection="files that would fill the memory")
@pytest.mark.parametrize(
    "shape", [[10**9, 10**9, 3], [8193, 8193, 1], [1, 2**40, 1], [0, 32, 3], [-1, 1, 1], [32, 32, 0]]
)
def test_description_of_huge_images_is_rejected(tmp_path, shape):
    (tmp_path / "dataset.json").write_text(json.dumps({**DESCRIPTION, "image_shape": shape, "crop_size": 1}))
    with pytest.raises(DataSetError, match=r"dataset\.json must describe a dataset"):
        DataSet.read_description(tmp_path / "dataset.json")


# ---- files that would run code


@pytest.fixture
def interpreter(tmp_path, monkeypatch):
    """Replaces Ghostscript; returns the path of a file that exists once it was called."""
    called, program = tmp_path / "called", tmp_path / "bin" / "gs"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\ntouch {called}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setattr(EpsImagePlugin, "gs_binary", None)  # cached per process
    return called


@pytest.mark.skipif(os.name != "posix", reason="the stand-in for Ghostscript is a shell script")
@pytest.mark.fault(promise="archives and files", injection="programs disguised as images")
@pytest.mark.parametrize("name", ["a.eps", "a.png", "a.jpg", "a"])
@pytest.mark.parametrize("within", [b"", b"\x1c\x08\x0a"])
def test_program_disguised_as_an_image_is_not_executed(tmp_path, interpreter, name, within):
    program = saved("EPS", "L").replace(b"%%EndComments", b"%%EndComments\n(touch) system")
    if within:  # IPTC, whose reader opens any embedded file
        program = b"".join(
            b"\x1c" + field + struct.pack(">H", len(data)) + data
            for field, data in (
                (b"\x03\x14", b"\0\x0a"), (b"\x03\x1e", b"\0\x0c"), (b"\x03\x3c", b"\1\0"), (b"\x03\x78", b"\1"),
                (b"\x08\x0a", program),
            )
        )  # fmt: skip
    (tmp_path / name).write_bytes(program)
    with pytest.raises(ImageFileError):
        read_image(tmp_path / name)
    assert not interpreter.exists()


@pytest.mark.skipif(os.name != "posix", reason="pipes are POSIX's")
@pytest.mark.fault(promise="archives and files", injection="files that are empty, truncated or not images")
@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: os.symlink("/dev/zero", path)])
def test_read_image_does_not_block_on_pipes(tmp_path, make):
    make(tmp_path / "a.png")
    with pytest.raises(ImageFileError, match="is not a regular file"):
        read_image(tmp_path / "a.png")


FORBIDDEN_MODULES = {"pickle", "_pickle", "cPickle", "cloudpickle", "dill", "joblib", "shelve", "marshal", "jsonpickle"}
FORBIDDEN_CALLS = {
    "eval", "exec", "compile", "__import__", "execfile", "os.system", "os.popen", "subprocess.getoutput",
    "subprocess.getstatusoutput", "yaml.load", "yaml.load_all", "yaml.unsafe_load", "yaml.full_load", "torch.load",
    "torch.jit.load", "numpy.loads", "read_pickle", "load_model", "unpickle",
}  # fmt: skip
CARRY_OUT = {
    "cifarlab/teaching/sandbox/autograder.py": "tests of an exercise, written by the instructor",
    "cifarlab/teaching/sandbox/kernel.py": "imports from the instructor's tests",
    "cifarlab/teaching/grading/private_tests.py": "an instructor's tests, which are only compiled",
    "benchmarks/exercises.py": "the cells of cifarlab's solutions",
}
"""Source files that execute code from text, and where the text comes from."""


def dangers(path: Path) -> set[str]:
    """Returns the imports and calls in a source file that could execute what they read."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import | ast.ImportFrom):
            modules = [name.name for name in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            found |= {name for name in modules if name.partition(".")[0] in FORBIDDEN_MODULES}
        elif isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            if name in FORBIDDEN_CALLS or name.rpartition(".")[2] in {"read_pickle", "load_model", "unpickle"}:
                found.add(f"{name}()")
            for keyword in node.keywords:
                if keyword.arg in ("allow_pickle", "shell") and ast.unparse(keyword.value) != "False":
                    found.add(f"{keyword.arg}={ast.unparse(keyword.value)}")
    return found


def sources() -> list[Path]:
    folders = ("cifarlab", "tools", "benchmarks", "lessons", "docs", ".ci")
    return [ROOT / "conftest.py", *(path for folder in folders for path in sorted((ROOT / folder).rglob("*.py")))]


@pytest.mark.fault(promise="archives and files", injection="pickles, and text that would be executed")
def test_no_source_executes_what_it_reads(count_trial):
    assert len(sources()) > 150
    for path in sources():
        name = str(path.relative_to(ROOT))
        found = dangers(path) - ({"eval()", "exec()", "compile()"} if name in CARRY_OUT else set())
        assert not found, name
        assert "allow_pickle=True" not in path.read_text()
        assert "pickle.load" not in path.read_text()
        count_trial()


@pytest.mark.fault(promise="archives and files", injection="pickles, and text that would be executed")
@pytest.mark.parametrize(
    "source",
    [
        "import pickle", "from pickle import loads", "import torch\ntorch.load('a')", "np.load(f, allow_pickle=True)",
        "np.load(f, allow_pickle=flag)", "subprocess.run(line, shell=True)", "eval(line)", "pandas.read_pickle(f)",
        "tf.keras.models.load_model(f)", "import yaml\nyaml.load(f)", "def f():\n    import cloudpickle as c",
    ],
)  # fmt: skip
def test_dangers_finds_sources_that_execute_what_they_read(tmp_path, source):
    (tmp_path / "a.py").write_text(source)
    assert dangers(tmp_path / "a.py")


class Owned:
    """An object that creates a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.fault(promise="archives and files", injection="pickles, and text that would be executed")
def test_weights_that_are_a_pickle_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(pretrained_weights, "FOLDER", tmp_path)
    arrays = {
        variable.name.removesuffix(":0"): np.array([Owned(tmp_path / "owned")]) for variable in ConvNet().variables
    }
    np.savez(tmp_path / pretrained_weights.WEIGHTS, **arrays)
    with pytest.raises(ValueError, match="allow_pickle=False"):
        pretrained_weights.load_weights(ConvNet())
    (tmp_path / pretrained_weights.WEIGHTS).write_bytes(pickle.dumps(Owned(tmp_path / "owned")))
    with pytest.raises(ValueError, match=r"contain(s|ing) pickled"):
        pretrained_weights.load_weights(ConvNet())
    assert not (tmp_path / "owned").exists()
