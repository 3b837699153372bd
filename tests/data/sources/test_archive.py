"""Extraction of valid, wrong and damaged archives, which the tests generate."""

import gzip
import io
import random
import re
import tarfile
import threading
import time
from pathlib import Path

import filelock
import pytest

from cifarlab.data.sources import archive as module
from cifarlab.data.sources.archive import extract
from cifarlab.data.sources.download import DownloadError

FILES = {"batches/a.bin": b"abc", "batches/b.bin": bytes(100_000)}
SIZES = {name: len(data) for name, data in FILES.items()}


def entry(name: str, data: bytes = b"", **others) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    for key, value in others.items():
        setattr(info, key, value)
    return info, data


GOOD = [entry(name, data) for name, data in FILES.items()]


def pack(*entries: tuple[tarfile.TarInfo, bytes]) -> bytes:
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as tar:
        for info, data in entries:
            tar.addfile(info, io.BytesIO(data))
    return gzip.compress(plain.getvalue(), mtime=0)


def left(path: Path) -> set[str]:
    """Returns the files in the directory, without the lock (which some versions of filelock remove)."""
    return {path.name for path in path.parent.iterdir()} - {"files.lock"}


@pytest.fixture
def archive(tmp_path):
    return tmp_path / "archive.tar.gz"


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "out" / "files"


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def unpack_error(archive: Path, folder: Path, packed: bytes) -> str:
    """Returns the error message and asserts that no files are left."""
    archive.write_bytes(packed)
    around = {path for path in archive.parent.rglob("*") if path.suffix != ".lock"} | {folder.parent}
    with pytest.raises(DownloadError) as raised:
        extract(archive, folder, SIZES)
    assert {path for path in archive.parent.rglob("*") if path.suffix != ".lock"} == around
    message = str(raised.value)
    assert "\n" not in message
    return message


@pytest.mark.fault(
    promise="archives and files", injection="archives that contain paths, links, devices and absolute names"
)
def test_only_the_given_members_are_extracted(archive, folder):
    extra = [
        entry("batches", type=tarfile.DIRTYPE),
        entry("batches/readme.html", b"<html>"),
        entry("../escape.bin", b"abc"),
        entry("/tmp/absolute.bin", b"abc"),
        entry("other/a.bin", b"xyz"),
        entry("batches/link", type=tarfile.SYMTYPE, linkname="/etc/passwd"),
        entry("batches/hard", type=tarfile.LNKTYPE, linkname="batches/a.bin"),
        entry("batches/device", type=tarfile.CHRTYPE, devmajor=1, devminor=3),
        entry("batches/pipe", type=tarfile.FIFOTYPE),
    ]
    archive.write_bytes(pack(*extra, *GOOD))
    assert extract(archive, folder, SIZES) == folder
    assert contents(folder) == {"a.bin": b"abc", "b.bin": bytes(100_000)}
    assert left(folder) == {"files"}
    assert left(archive) == {"archive.tar.gz", "out"}


def test_extracted_files_have_the_permissions_of_a_new_file(archive, folder, tmp_path):
    (info, data), other = GOOD
    archive.write_bytes(pack(entry(info.name, data, mode=0o4777), other))
    extract(archive, folder, SIZES)
    plain = tmp_path / "plain"
    plain.touch()
    assert (folder / "a.bin").stat().st_mode == plain.stat().st_mode


@pytest.fixture
def _no_locks(monkeypatch):
    """Makes file locks fail as in a read-only directory, even for root."""

    def refuse(*args):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(filelock, "FileLock", refuse)


@pytest.mark.usefixtures("_no_locks")
def test_a_complete_directory_is_used(folder, archive):
    folder.mkdir(parents=True)
    (folder / "a.bin").write_bytes(b"xyz")
    (folder / "b.bin").write_bytes(bytes(100_000))
    assert extract(archive, folder, SIZES) == folder  # the archive does not exist
    assert (folder / "a.bin").read_bytes() == b"xyz"
    assert left(folder) == {"files"}


@pytest.mark.parametrize("files", [{}, {"a.bin": b"abc"}, {"a.bin": b"abc", "b.bin": b"short"}])
def test_missing_files_are_added_and_other_files_stay(archive, folder, files):
    folder.mkdir(parents=True)
    for name, data in {**files, "mine.txt": b"mine"}.items():
        (folder / name).write_bytes(data)
    archive.write_bytes(pack(*GOOD))
    extract(archive, folder, SIZES)
    assert contents(folder) == {"a.bin": b"abc", "b.bin": bytes(100_000), "mine.txt": b"mine"}
    assert left(folder) == {"files"}


@pytest.mark.fault(promise="archives and files", injection="extraction interrupted, or on a full disk")
def test_files_of_a_killed_process_are_replaced(archive, folder):
    half = folder.with_name("files.part")
    half.mkdir(parents=True)
    (half / "a.bin").write_bytes(b"half")
    archive.write_bytes(pack(*GOOD))
    extract(archive, folder, SIZES)
    assert contents(folder) == {"a.bin": b"abc", "b.bin": bytes(100_000)}
    assert left(folder) == {"files"}


@pytest.mark.fault(
    promise="archives and files", injection="archives with members missing, duplicated, or of another type or length"
)
@pytest.mark.parametrize(
    ("first", "words"),
    [
        ([], "it lacks batches/a.bin"),
        ([entry("./batches/a.bin", b"abc")], "it lacks batches/a.bin"),
        ([entry("batches/a.bin", b"abcd")], "batches/a.bin has 4 bytes instead of 3"),
        ([entry("batches/a.bin", b"ab")], "batches/a.bin has 2 bytes instead of 3"),
        ([entry("batches/a.bin", b"abc"), entry("batches/a.bin", b"xyz")], "it contains batches/a.bin twice"),
        ([entry("batches/a.bin", type=tarfile.DIRTYPE)], "is not a regular file"),
        ([entry("batches/a.bin", type=tarfile.SYMTYPE, linkname="/etc/passwd")], "is not a regular file"),
        ([entry("batches/a.bin", type=tarfile.LNKTYPE, linkname="/etc/passwd")], "is not a regular file"),
        ([entry("batches/a.bin", type=tarfile.CHRTYPE)], "is not a regular file"),
        ([entry("batches/a.bin", type=tarfile.FIFOTYPE)], "is not a regular file"),
        (
            [entry("batches/a.bin", b"abc", pax_headers={"GNU.sparse.map": "0,3", "GNU.sparse.size": "3"})],
            "is not a regular file",
        ),
        ([entry("batches/zeros", bytes(40_000_000))], "it is much larger than these files"),
        ([entry("batches/zeros", b"", pax_headers={"size": str(2**80)})], "it is much larger than these files"),
    ],
    ids=[
        "missing", "dotted", "too long", "too short", "twice", "folder", "symbolic link", "hard link", "device",
        "pipe", "sparse", "bomb", "a size beyond all reason",
    ],
)  # fmt: skip
def test_a_different_archive_is_refused(archive, folder, first, words):
    message = unpack_error(archive, folder, pack(*first, GOOD[1]))
    assert message.startswith(f"{archive} is not the expected archive of 2 files: ")
    assert words in message
    assert message.endswith("Delete it and download it again.")


SOUND = pack(*GOOD)


@pytest.mark.fault(promise="archives and files", injection="damaged or truncated archives")
@pytest.mark.parametrize(
    "packed",
    [
        b"",
        b"<!doctype html>",
        gzip.compress(b""),
        gzip.compress(b"no archive" * 1000),
        SOUND[:20],
        SOUND[: len(SOUND) // 2],
        SOUND[:-1],
        SOUND[:-8] + bytes(8),
        SOUND + b"garbage",
        gzip.compress(gzip.decompress(SOUND)[:60_000]),
        gzip.decompress(SOUND)[:60_000],
        gzip.decompress(SOUND)[:700],
        pack(entry("batches/a.bin", b"abc", pax_headers={"GNU.sparse.map": "a,b"}), GOOD[1]),
    ],
    ids=[
        "empty", "a page", "gzip of nothing", "gzip of something else", "only a head", "half", "all but a byte",
        "a wrong gzip checksum", "garbage behind", "the tar cut", "a plain tar cut", "only heads", "invalid numbers",
    ],
)  # fmt: skip
def test_a_damaged_archive_is_reported(archive, folder, packed):
    assert "it is damaged or not a .tar.gz file" in unpack_error(archive, folder, packed)


@pytest.mark.fault(promise="archives and files", injection="damaged or truncated archives")
@pytest.mark.parametrize("layer", ["tar", "gzip", "plain"])
def test_any_damage_raises_the_same_kind_of_error(archive, folder, layer):
    """Random bytes in headers or compressed data make tarfile and zlib raise many different exceptions."""
    draw = random.Random(3)
    data = bytes(draw.choices(range(16), k=100_000))
    sound = pack(entry("batches/a.bin", b"abc", pax_headers={"comment": "x"}), entry("batches/b.bin", data))
    for _ in range(100):
        damaged = bytearray(sound if layer == "gzip" else gzip.decompress(sound))
        for _ in range(draw.randint(1, 4)):
            damaged[draw.randrange(len(damaged) if layer == "gzip" else 2_500)] = draw.randrange(256)
        archive.write_bytes(gzip.compress(damaged, 1) if layer == "tar" else damaged)
        try:
            extract(archive, folder, SIZES)
        except DownloadError:
            assert not folder.exists()
        else:
            assert {path.name: path.stat().st_size for path in folder.iterdir()} == {"a.bin": 3, "b.bin": 100_000}
            for path in folder.iterdir():
                path.unlink()
            folder.rmdir()


@pytest.mark.fault(promise="archives and files", injection="archives that decompress to gigabytes")
@pytest.mark.parametrize("packed", [True, False])
def test_a_bomb_after_the_end_is_refused(archive, folder, packed):
    bomb = gzip.decompress(SOUND) + bytes(40_000_000)
    bomb = gzip.compress(bomb) if packed else bomb
    assert "it is much larger than these files" in unpack_error(archive, folder, bomb)


def test_a_tar_file_that_a_browser_decompressed_is_extracted(archive, folder):
    """As in terrier-org/terrier-core#1: some browsers decompress a download and keep its name."""
    archive.write_bytes(gzip.decompress(SOUND))
    assert contents(extract(archive, folder, SIZES)) == {"a.bin": b"abc", "b.bin": bytes(100_000)}
    assert left(archive) == {"archive.tar.gz", "out"}


@pytest.mark.parametrize(
    ("first", "words"),
    [
        ([], "it lacks batches/a.bin"),
        ([entry("batches/a.bin", b"abcd")], "batches/a.bin has 4 bytes instead of 3"),
        ([entry("batches/a.bin", type=tarfile.SYMTYPE, linkname="/etc/passwd")], "is not a regular file"),
        ([entry("batches/zeros", bytes(40_000_000))], "it is much larger than these files"),
    ],
)
def test_a_different_tar_file_is_refused(archive, folder, first, words):
    assert words in unpack_error(archive, folder, gzip.decompress(pack(*first, GOOD[1])))


def test_a_missing_archive_is_reported(archive, folder):
    with pytest.raises(DownloadError, match=rf": No such file or directory \({re.escape(str(archive))}\)"):
        extract(archive, folder, SIZES)
    assert left(folder) == set()


@pytest.mark.fault(promise="archives and files", injection="extraction interrupted, or on a full disk")
def test_a_full_disk_leaves_no_partial_directory(archive, folder):
    resource = pytest.importorskip("resource")
    archive.write_bytes(pack(*GOOD))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))
    try:
        with pytest.raises(DownloadError, match=": File too large"):
            extract(archive, folder, SIZES)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert left(folder) == set()


@pytest.mark.fault(promise="archives and files", injection="extraction interrupted, or on a full disk")
def test_ctrl_c_leaves_no_partial_directory(archive, folder, monkeypatch):
    def interrupt(*args):
        raise KeyboardInterrupt

    archive.write_bytes(pack(*GOOD))
    monkeypatch.setattr(module.shutil, "copyfileobj", interrupt)
    with pytest.raises(KeyboardInterrupt):
        extract(archive, folder, SIZES)
    assert left(folder) == set()


@pytest.mark.fault(promise="archives and files", injection="several processes extracting to one directory")
def test_concurrent_calls_extract_once(archive, folder, monkeypatch):
    archive.write_bytes(pack(*GOOD))
    failed: list[Exception] = []
    calls: list[object] = []
    real = module._copy_members

    def slowly(*args):
        calls.append(args)
        time.sleep(0.1)
        real(*args)

    monkeypatch.setattr(module, "_copy_members", slowly)

    def one():
        try:
            extract(archive, folder, SIZES)
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=one) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert len(calls) == 1
    assert contents(folder) == {"a.bin": b"abc", "b.bin": bytes(100_000)}
    assert left(folder) == {"files"}
