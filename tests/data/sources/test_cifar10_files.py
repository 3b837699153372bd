"""What people have in the place of CIFAR-10's files is used, or named together with what to do, before a download."""

import gzip
import io
import shutil
import tarfile
from pathlib import Path

import numpy as np
import pytest

from cifarlab.data import registry
from cifarlab.data.dataset import DataSetError
from cifarlab.data.records import TEST_FILES, TRAIN_FILES, write_records
from cifarlab.data.sources import cifar10
from cifarlab.data.sources.download import DownloadError

FILES = TRAIN_FILES + TEST_FILES
COUNT = 2  # records per file


def records(directory, names=FILES):
    directory.mkdir(parents=True, exist_ok=True)
    for i, name in enumerate(names):
        write_records(directory / name, np.full([COUNT, 32, 32, 3], i, np.uint8), np.arange(COUNT))
    return directory


def tar(folder=cifar10.FOLDER, names=FILES, size=None):
    """Returns a .tar file of records, as bytes."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for i, name in enumerate(names):
            data = (bytes([i]) * 3073 * COUNT)[:size]
            info = tarfile.TarInfo(f"{folder}/{name}")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


@pytest.fixture(autouse=True)
def calls(monkeypatch):
    """Records downloads instead of doing them, and makes the files small."""
    calls = []

    def fetch(urls, target, **kwargs):
        calls.append(Path(target))
        raise DownloadError("no address could be reached.")

    monkeypatch.setattr(cifar10, "fetch", fetch)
    monkeypatch.setattr(cifar10, "RECORDS_PER_FILE", COUNT)
    return calls


@pytest.mark.parametrize(
    "name",
    [
        "cifar-10-binary.tar",  # decompressed by the browser; terrier-org/terrier-core#1
        "cifar-10-binary.tar.gz",  # decompressed, but not renamed; brave/brave-browser#28646
        "cifar-10-binary.tar.tar",  # renamed by Safari; ruby/www.ruby-lang.org#3946
        "cifar-10-binary (1).tar",
        "cifar-10-binary (1).tar.gz",
        "cifar-10-binary.tgz",
        "cifar-10-binary.tar-1.gz",
        "CIFAR-10-binary.tar.gz",
    ],
)
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("place", [".", cifar10.FOLDER])
def test_an_archive_that_was_downloaded_by_a_browser_is_used(tmp_path, calls, name, packed, place):
    (tmp_path / place).mkdir(exist_ok=True)
    archive = tmp_path / place / name
    archive.write_bytes(gzip.compress(tar(), 1) if packed else tar())
    before = archive.read_bytes()
    dataset = registry.load("cifar10", tmp_path)
    assert (dataset.num_examples("train"), dataset.num_examples("test")) == (5 * COUNT, COUNT)
    assert dataset.train_files[4].read_bytes() == bytes([4]) * 3073 * COUNT
    assert archive.read_bytes() == before
    assert not calls


def test_missing_files_are_taken_from_an_archive(tmp_path, calls):
    records(tmp_path / cifar10.FOLDER, FILES[:3])
    (tmp_path / "cifar-10-binary.tar").write_bytes(tar())
    assert registry.load("cifar10", tmp_path).num_examples("train") == 5 * COUNT
    assert not calls


def touch(*names):
    def make(data_dir):
        for name in names:
            path = data_dir / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"x")

    return make


def archive(name, data):
    return lambda data_dir: (data_dir / name).write_bytes(data)


PYTHON = [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch", "batches.meta", "readme.html"]
MATLAB = [f"{name}.mat" for name in PYTHON[:7]]
WHOLE = gzip.compress(tar(), 1)
REFUSED = {
    # keras-team/keras#18953, igul222/improved_wgan_training#15, Tencent/PocketFlow#284
    "the Python version": (
        touch(*(f"cifar-10-batches-py/{name}" for name in PYTHON)),
        "batches-py is the Python version",
    ),
    "pickles in the directory": (touch(*(f"{cifar10.FOLDER}/{name}" for name in PYTHON)), "is the Python version of"),
    "pickles in the data directory": (
        touch(*PYTHON),
        "is the Python version of CIFAR-10, pickles; expected CIFAR-10's",
    ),
    "the Python archive": (touch("cifar-10-python.tar.gz"), r"python\.tar\.gz is the Python version"),
    "the Python archive, second copy": (touch("cifar-10-python (1).tgz"), "is the Python version"),
    "the MATLAB version": (touch(*(f"cifar-10-batches-mat/{name}" for name in MATLAB)), "is the MATLAB version"),
    "MATLAB files": (touch(*(f"{cifar10.FOLDER}/{name}" for name in MATLAB)), "is the MATLAB version of CIFAR-10"),
    "the MATLAB archive": (touch("cifar-10-matlab.tar.gz"), "is the MATLAB version"),
    "CIFAR-100": (touch("cifar-100-binary/train.bin"), "cifar-100-binary is CIFAR-100, a different dataset"),
    "the archive of CIFAR-100": (touch("cifar-100-binary.tar.gz"), "is CIFAR-100"),
    "the names of CIFAR-100": (touch("fine_label_names.txt"), r"fine_label_names\.txt is CIFAR-100"),
    "records of CIFAR-100": (
        lambda data_dir: (records(data_dir / cifar10.FOLDER, ()) / "train.bin").write_bytes(bytes(3074)),
        r"train\.bin is CIFAR-100",
    ),
    "four of six files": (
        lambda data_dir: records(data_dir / cifar10.FOLDER, FILES[:3] + FILES[5:]),
        r"must have 6 files of CIFAR-10; it lacks data_batch_4\.bin, data_batch_5\.bin. Copy them there, or download "
        "it: `cifarlab data cifar10 --force`",
    ),
    "five of six files": (lambda data_dir: records(data_dir, FILES[:5]), r"it lacks test_batch\.bin. Copy it there"),
    "one level too deep": (
        lambda data_dir: records(data_dir / "cifar-10-binary" / cifar10.FOLDER),
        r"they are in .*cifar-10-binary/cifar-10-batches-bin. Pass .*--data-dir /.*/cifar-10-binary/cifar-10-batches",
    ),
    "another name": (lambda data_dir: records(data_dir / "cifar10"), "they are in .*/cifar10. Pass that directory"),
    "an unfinished download": (
        touch("cifar-10-binary.tar.gz.crdownload"),
        "unfinished download of a browser. Wait until",
    ),
    "an unconfirmed download": (touch("cifar-10-binary.tar.gz.download"), "unfinished download of a browser"),
    "part of the archive": (
        archive("cifar-10-binary.tar.gz", WHOLE[:-50]),
        rf"is incomplete: it has {len(WHOLE) - 50:,} of 170,052,171 bytes. Copy it here again, or download it: `cif",
    ),
    "a part of a second copy": (archive("cifar-10-binary (1).tar.gz", WHOLE[:200]), r"\(1\)\.tar\.gz is incomplete"),
    "part of a plain archive": (
        archive("cifar-10-binary.tar", tar()[:20_000]),
        "is not the expected archive of 6 files",
    ),
    "an empty archive": (archive("cifar-10-binary.tar.gz", b""), "is not the expected archive of 6 files"),
    "a web page": (archive("cifar-10-binary.tar.gz", b"<!doctype html>"), "is a web page, not an archive. Copy it"),
    "CIFAR-100 under this name": (
        archive("cifar-10-binary.tar.gz", gzip.compress(tar("cifar-100-binary", ["train.bin"]))),
        "not the expected archive of 6 files: it lacks cifar-10-batches-bin/data_batch_1.bin",
    ),
    "shorter files": (archive("cifar-10-binary.tar", tar(size=3073)), "has 3,073 bytes instead of 6,146"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_other_files_are_named_before_a_download(tmp_path, calls, case):
    make, message = REFUSED[case]
    (tmp_path / "data").mkdir()
    make(tmp_path / "data")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(DownloadError, match=message) as error:
        registry.load("cifar10", tmp_path / "data")
    assert "\n" not in str(error.value)
    assert not calls
    after = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".lock"}
    assert after == before
    with pytest.raises(DownloadError, match="no address could be reached"):
        registry.load("cifar10", tmp_path / "data", force=True)
    assert calls == [tmp_path / "data" / "cifar-10-binary.tar.gz"]


@pytest.mark.parametrize("name", ["cifar-10-batches-py", "cifar-100-python", "CIFAR-100-binary"])
def test_the_directory_of_another_version_is_named(tmp_path, calls, name):
    (tmp_path / name).mkdir()
    (tmp_path / name / "train").touch()
    with pytest.raises(DownloadError, match=rf"{name} is (the Python version|CIFAR-100)"):
        registry.load("cifar10", tmp_path / name)
    assert not calls


@pytest.mark.parametrize("make", [lambda data_dir: None, touch("notes.txt", "flowers/train.bin", "svhn/train.bin")])
def test_other_directories_do_not_prevent_a_download(tmp_path, calls, make):
    make(tmp_path)
    with pytest.raises(DownloadError, match="no address could be reached"):
        registry.load("cifar10", tmp_path)
    assert len(calls) == 1


def test_the_archive_of_the_right_size_is_left_to_the_verified_download(tmp_path, calls, monkeypatch):
    (tmp_path / "cifar-10-binary.tar.gz").write_bytes(WHOLE)
    monkeypatch.setattr(cifar10, "ARCHIVE_BYTES", len(WHOLE))
    with pytest.raises(DownloadError, match="no address"):
        registry.load("cifar10", tmp_path)
    assert len(calls) == 1


def test_a_data_directory_that_is_a_file_is_refused(tmp_path, calls):
    (tmp_path / "a").touch()
    with pytest.raises(DataSetError, match=r"data_dir must be a directory; .*/a is a file"):
        registry.load("cifar10", tmp_path / "a")
    assert not calls


def test_a_home_directory_is_expanded(tmp_path, monkeypatch):
    records(tmp_path / "data" / cifar10.FOLDER)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert registry.load("cifar10", "~/data").num_examples("train") == 5 * COUNT
    monkeypatch.setenv("CIFARLAB_DATA", "~/data")
    assert registry.default_data_dir() == tmp_path / "data"
    assert registry.load("cifar10").num_examples("train") == 5 * COUNT


def test_files_of_another_dataset_with_the_same_names_are_not_mistaken(tmp_path, calls):
    """The records of a custom dataset are called train.bin; a multiple of CIFAR-100's record length proves nothing."""
    (tmp_path / "train.bin").write_bytes(bytes(3074))
    (tmp_path / "dataset.json").write_text("{}")
    with pytest.raises(DownloadError, match="no address"):
        registry.load("cifar10", tmp_path)
    shutil.rmtree(tmp_path)
