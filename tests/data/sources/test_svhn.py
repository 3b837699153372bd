"""SVHN's MATLAB files are read as SciPy reads them, in little memory; invalid files are reported in one line."""

import contextlib
import hashlib
import shutil
import struct
import tracemalloc
import zlib

import numpy as np
import pytest
import scipy.io

from cifarlab.data import registry
from cifarlab.data.records import read_records
from cifarlab.data.sources import svhn
from cifarlab.data.sources.download import DownloadError
from cifarlab.data.sources.matlab import MatlabError, open_variable
from cifarlab.data.sources.svhn import convert_to_records, read_digits

PIXELS = np.random.default_rng(0).integers(0, 256, [32, 32, 3, 5], dtype=np.uint8)
LABELS = np.array([[1], [10], [3], [9], [10]], np.uint8)


def saved(path, compressed=True, **variables):
    scipy.io.savemat(path, variables or {"X": PIXELS, "y": LABELS}, do_compression=compressed)
    return path


def all_digits(path):
    images, labels = zip(*read_digits(path), strict=True)
    return np.concatenate(images), np.concatenate(labels)


@pytest.mark.parametrize("compressed", [True, False])
@pytest.mark.parametrize("labels", [LABELS, LABELS.T, LABELS.astype(np.float64), LABELS.astype(np.int64)])
def test_digits_are_read_as_by_scipy_and_ten_is_zero(tmp_path, compressed, labels):
    path = saved(tmp_path / "a.mat", compressed, note="made by a test", y=labels, X=PIXELS)
    images, digits = all_digits(path)
    assert (images == scipy.io.loadmat(path)["X"].transpose(3, 0, 1, 2)).all()
    assert digits.tolist() == [1, 0, 3, 9, 0]


def test_rows_columns_and_channels_are_not_confused(tmp_path):
    pixels = np.zeros([32, 32, 3, 1], np.uint8)
    pixels[2, 5, 1] = 200  # third row, sixth column, green
    images, _ = all_digits(saved(tmp_path / "a.mat", X=pixels, y=LABELS[:1]))
    assert np.argwhere(images).tolist() == [[0, 2, 5, 1]]


def test_digits_become_records(tmp_path):
    assert convert_to_records(saved(tmp_path / "a.mat"), tmp_path / "a.bin") == 5
    images, labels = read_records(tmp_path / "a.bin")
    assert (images == PIXELS.transpose(3, 0, 1, 2)).all()
    assert labels.tolist() == [1, 0, 3, 9, 0]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.bin", "a.mat"]


@pytest.mark.fault(promise="archives and files", injection="files that would fill the memory")
def test_a_large_file_takes_little_memory(tmp_path):
    many = np.zeros([32, 32, 3, 20_000], np.uint8)  # 61 MB
    path = saved(tmp_path / "a.mat", X=many, y=np.ones([20_000, 1], np.uint8))
    tracemalloc.start()
    assert convert_to_records(path, tmp_path / "a.bin") == 20_000
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 25e6


# Invalid files.


def page(path):
    path.write_text("<html>404</html>" * 20)


def hdf5(path):
    path.write_bytes(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(512, b" "))


def empty(path):
    path.write_bytes(b"")


def no_pixels(path):
    saved(path, y=LABELS)


def no_labels(path):
    saved(path, X=PIXELS)


def fewer_labels(path):
    saved(path, X=PIXELS, y=LABELS[:4])


def other_shape(path):
    saved(path, X=PIXELS[:28], y=LABELS)


def floats(path):
    saved(path, X=PIXELS / 255, y=LABELS)


def words(path):
    saved(path, X=PIXELS, y="digits")


def eleven(path):
    saved(path, X=PIXELS, y=LABELS + 1)


def half(path):
    saved(path, X=PIXELS, y=LABELS - 0.5)


def matrix_of_labels(path):
    saved(path, X=PIXELS, y=np.eye(5, dtype=np.uint8))


def complex_pixels(path):
    saved(path, X=PIXELS * 1j, y=LABELS)


def element(kind, data):
    return struct.pack("<II", kind, len(data)) + data + bytes(-len(data) % 8)


def bomb(path):
    """Writes a file that claims to have two billion labels, compressed zeros."""
    count = 4_000_000_000 // 2
    head = element(6, struct.pack("<II", 9, 0)) + element(5, struct.pack("<ii", count, 1)) + element(1, b"y")
    packed = zlib.compress(struct.pack("<II", 14, 0) + head + struct.pack("<II", 2, count) + bytes(1 << 20))
    path.write_bytes(bytes(124) + b"\x00\x01IM" + struct.pack("<II", 15, len(packed)) + packed)


@pytest.mark.fault(promise="archives and files", injection="MATLAB files with another type, shape or labels")
@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (page, "must be a MATLAB file of format 5, with"),
        (hdf5, "got format 7.3"),
        (empty, "must be a MATLAB file of format 5, with"),
        (no_pixels, "must contain the variable X; it contains y"),
        (no_labels, "must contain the variable y; it contains X"),
        (fewer_labels, r"X must be uint8\[32, 32, 3, 4\], because y has 4 labels"),
        (other_shape, r"got uint8\[28, 32, 3, 5\]"),
        (floats, r"got float64\[32, 32, 3, 5\]"),
        (words, "y must contain real numbers"),
        (eleven, "labels must be from 1 to 10, with 10 for zero; image 1 has 11"),
        (half, "image 0 has 0.5"),
        (matrix_of_labels, r"y must be \[N, 1\]"),
        (complex_pixels, "X must contain real numbers"),
        (bomb, "2,000,000,000 labels"),
    ],
)
def test_invalid_files_are_reported_in_one_line(tmp_path, spoil, message):
    spoil(tmp_path / "a.mat")
    with pytest.raises(MatlabError, match=message) as error:
        convert_to_records(tmp_path / "a.mat", tmp_path / "a.bin")
    assert "\n" not in str(error.value)
    assert not (tmp_path / "a.bin").exists()


@pytest.mark.fault(promise="archives and files", injection="MATLAB files truncated or changed anywhere")
@pytest.mark.parametrize("compressed", [True, False])
def test_a_truncated_file_is_refused(tmp_path, compressed):
    whole = saved(tmp_path / "whole.mat", compressed).read_bytes()
    for share in range(1, 40):
        (tmp_path / "a.mat").write_bytes(whole[: len(whole) * share // 40])
        with pytest.raises(MatlabError):
            all_digits(tmp_path / "a.mat")


@pytest.mark.fault(promise="archives and files", injection="MATLAB files truncated or changed anywhere")
def test_any_changed_byte_is_read_or_refused(tmp_path):
    whole = bytearray(saved(tmp_path / "whole.mat", False).read_bytes())
    random = np.random.default_rng(1)
    for place in [*range(120, 260), *random.integers(0, len(whole), 200)]:
        changed = whole.copy()
        changed[place] ^= int(random.integers(1, 256))
        (tmp_path / "a.mat").write_bytes(changed)
        with contextlib.suppress(MatlabError):
            all_digits(tmp_path / "a.mat")


def test_a_variable_is_found_by_its_name(tmp_path):
    with open_variable(saved(tmp_path / "a.mat", a=np.arange(6.0).reshape(2, 3), b=LABELS), "b") as found:
        assert (found.shape, found.dtype.name, found.read(2).tolist()) == ((5, 1), "uint8", [1, 10])


# The datasets svhn and svhn_extra.


@pytest.fixture
def host(monkeypatch, tmp_path):
    """Serves small files instead of SVHN's; returns the list of requests."""
    asked = []

    def fetch(urls, target, *, known_hash, size, progress):
        asked.append((*urls, known_hash, size))
        target.parent.mkdir(parents=True, exist_ok=True)
        return saved(target)

    monkeypatch.setattr(svhn, "fetch", fetch)
    monkeypatch.setattr(svhn, "PARTS", {part: (*known[:2], 5) for part, known in svhn.PARTS.items()})
    return asked


def test_svhn_is_fetched_by_checksum_and_converted_once(host, tmp_path):
    dataset = registry.load("svhn", tmp_path)
    assert host == [
        ("http://ufldl.stanford.edu/housenumbers/train_32x32.mat", "md5:e26dedcc434d2e4c54c9b2d4a06d8373", 182_040_794),
        ("http://ufldl.stanford.edu/housenumbers/test_32x32.mat", "md5:eb5a983be6a315427106f1b164d9cef3", 64_275_384),
    ]
    assert dataset.classes == tuple("0123456789")
    assert [dataset.num_examples(split) for split in ("train", "test")] == [5, 5]
    assert dataset.class_counts("train").tolist() == [2, 1, 0, 1, 0, 0, 0, 0, 0, 1]
    registry.load("svhn", tmp_path)
    assert len(host) == 2
    registry.load("svhn", tmp_path, force=True)
    assert len(host) == 4


def test_extra_digits_are_fetched_on_request_and_others_only_once(host, tmp_path):
    registry.load("svhn", tmp_path)
    dataset = registry.load("svhn_extra", tmp_path)
    assert [url for url, *_ in host[2:]] == ["http://ufldl.stanford.edu/housenumbers/extra_32x32.mat"]
    assert [file.name for file in dataset.train_files] == ["train.bin", "extra.bin"]
    assert dataset.num_examples("train") == 10


def test_a_wrong_number_of_digits_is_refused_and_no_records_stay(host, tmp_path, monkeypatch):
    monkeypatch.setattr(svhn, "PARTS", {part: (*known[:2], 6) for part, known in svhn.PARTS.items()})
    with pytest.raises(MatlabError, match=r"train_32x32\.mat must contain 6 digits; got 5"):
        registry.load("svhn", tmp_path)
    assert sorted(file.name for file in (tmp_path / "svhn").iterdir()) == ["train.bin.lock", "train_32x32.mat"]


def test_without_a_network_the_error_suggests_street_digits(tmp_path, monkeypatch):
    monkeypatch.setattr(svhn, "URL", "http://127.0.0.1:9/")  # no server there
    monkeypatch.setattr("cifarlab.data.sources.download.RETRY_DELAYS_S", (0.01,))
    with pytest.raises(DownloadError, match="Or use the dataset street_digits, which needs no download") as error:
        registry.load("svhn", tmp_path)
    assert "\n" not in str(error.value)


@pytest.fixture
def _small_files(tmp_path, monkeypatch):
    """Makes the official files small, and refuses downloads."""
    path = saved(tmp_path / "official.mat")
    parts = {part: (f"md5:{hashlib.md5(path.read_bytes()).hexdigest()}", path.stat().st_size, 5) for part in svhn.PARTS}
    monkeypatch.setattr(svhn, "PARTS", parts)

    def fetch(urls, target, **kwargs):
        if not target.is_file():
            raise DownloadError("no address could be reached.")

    monkeypatch.setattr(svhn, "fetch", fetch)


@pytest.mark.usefixtures("_small_files")
@pytest.mark.parametrize("place", [".", "svhn"])
@pytest.mark.parametrize("suffix", ["", " (1)"])
def test_official_files_are_found_under_a_browsers_names(tmp_path, place, suffix):
    (tmp_path / "data" / "svhn").mkdir(parents=True)
    for part in ("train", "test"):
        shutil.copy(tmp_path / "official.mat", tmp_path / "data" / place / f"{part}_32x32{suffix}.mat")
    assert registry.load("svhn", tmp_path / "data").num_examples("train") == 5


@pytest.mark.usefixtures("_small_files")
@pytest.mark.parametrize("name", ["train.tar.gz", "train.tar", "train/digitStruct.mat"])
def test_whole_house_numbers_are_named_before_a_download(tmp_path, name):
    path = tmp_path / "data" / "svhn" / name
    path.parent.mkdir(parents=True)
    path.touch()
    with pytest.raises(
        DownloadError, match=r"has whole house numbers, SVHN's format 1; expected .*: train_32x32\.mat\. Copy"
    ):
        registry.load("svhn", tmp_path / "data")
    with pytest.raises(DownloadError, match="no address"):
        registry.load("svhn", tmp_path / "data", force=True)
