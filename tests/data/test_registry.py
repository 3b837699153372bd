import dataclasses
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from cifarlab.data import registry
from cifarlab.data.dataset import DataSet, DataSetError
from cifarlab.data.records import CLASSES, TEST_FILES, TRAIN_FILES, write_records
from cifarlab.data.sources import cifar10
from cifarlab.data.sources.download import DownloadError


def native_folder(folder, per_file=2):
    folder.mkdir(parents=True)
    for name in TRAIN_FILES + TEST_FILES:
        write_records(folder / name, np.zeros([per_file, 32, 32, 3], np.uint8), np.arange(per_file) % 10)
    return folder


@pytest.fixture
def offline(monkeypatch):
    """Replaces `fetch` with a function that records its calls and fails at once."""
    calls = []

    def fetch(urls, target, **kwargs):
        calls.append((list(urls), Path(target), kwargs))
        raise DownloadError("no address could be reached.")

    monkeypatch.setattr(cifar10, "fetch", fetch)
    return calls


def test_drawn_is_generated_on_first_use(drawn):
    assert drawn.num_examples("train") == 10_000
    assert drawn.num_examples("test") == 2_000
    assert drawn.classes == CLASSES
    assert drawn.num_classes == 10
    assert (drawn.image_shape, drawn.crop_size) == ((32, 32, 3), 24)


def test_drawn_is_not_generated_twice(data_dir, monkeypatch):
    from cifarlab.data.sources import drawn

    monkeypatch.setattr(drawn, "write_data_set", lambda folder: 1 / 0)
    assert registry.load("drawn", data_dir).name == "drawn"


def test_street_digits_are_written_and_read_as_svhn_files(tmp_path, monkeypatch):
    from cifarlab.data.sources import street_digits

    write_files, calls = street_digits.write_files, []

    def few(folder):
        calls.append(folder)
        write_files(folder, train=40, test=20)

    monkeypatch.setattr(street_digits, "write_files", few)
    for _ in range(2):
        dataset = registry.load("street_digits", tmp_path)
    assert calls == [tmp_path / "street_digits"]
    assert (dataset.num_examples("train"), dataset.num_examples("test")) == (40, 20)
    assert dataset.majority_class()[0] == "1"
    assert (tmp_path / "street_digits" / "train_32x32.mat").exists()


@pytest.mark.parametrize("place", [cifar10.FOLDER, "."])
def test_existing_cifar10_files_are_used(tmp_path, offline, place):
    folder = native_folder(tmp_path / "data" / place)
    dataset = registry.load("cifar10", tmp_path / "data")
    assert dataset.num_examples("train") == 10
    assert dataset.files("test")[0].resolve() == (folder / "test_batch.bin").resolve()
    assert not offline


def test_cifar10_is_fetched_with_size_and_checksum_from_mirrors_first(tmp_path, offline, monkeypatch):
    monkeypatch.setenv("CIFARLAB_CIFAR10_MIRRORS", "http://one/a.tar.gz http://two/b.tar.gz")
    with pytest.raises(DownloadError, match="--dataset drawn") as error:
        registry.load("cifar10", tmp_path)
    assert "\n" not in str(error.value)
    ((urls, target, kwargs),) = offline
    assert urls == ["http://one/a.tar.gz", "http://two/b.tar.gz", cifar10.URL]
    assert target == tmp_path / "cifar-10-binary.tar.gz"
    assert kwargs["known_hash"] == "sha256:c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"
    assert kwargs["size"] == 170_052_171


def test_a_downloaded_archive_is_extracted_and_used(tmp_path, monkeypatch):
    import tarfile

    source = native_folder(tmp_path / "source" / cifar10.FOLDER, 5)

    def fetch(urls, target, **kwargs):
        Path(target).parent.mkdir(parents=True, exist_ok=True)
        with tarfile.open(target, "w:gz") as archive:
            archive.add(source, arcname=cifar10.FOLDER)
        return Path(target)

    monkeypatch.setattr(cifar10, "fetch", fetch)
    monkeypatch.setattr(cifar10, "RECORDS_PER_FILE", 5)
    dataset = registry.load("cifar10", tmp_path / "data")
    assert dataset.num_examples("train") == 25
    (dataset.train_files[0]).write_bytes(bytes(3073))
    assert (
        registry.load("cifar10", tmp_path / "data").num_examples("train") == 21
    )  # the files exist, so they are used unchanged
    assert registry.load("cifar10", tmp_path / "data", force=True).num_examples("train") == 25
    write_records(
        dataset.train_files[0], np.full([5, 32, 32, 3], 9, np.uint8), np.arange(5)
    )  # wrong pixels, right size
    repaired = registry.load("cifar10", tmp_path / "data", force=True)
    assert not np.fromfile(repaired.train_files[0], np.uint8)[1:3073].any()


def test_unknown_names_list_the_datasets():
    with pytest.raises(
        DataSetError, match=r"unknown dataset 'cifer10'; available: cifar10, drawn, .*\. Did you mean cifar10\?"
    ):
        registry.load("cifer10")


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("CIFAR10", "cifar10"),
        ("cifar-10", "cifar10"),
        ("CIFAR 10", "cifar10"),
        ("cifar", "cifar10"),
        ("SVHN", "svhn"),
        ("svhn-extra", "svhn_extra"),
        ("drawn ", "drawn"),
        ("Street Digits", "street_digits"),
        ("street-digits", "street_digits"),
        ("cifar100", None),
        ("CIFAR-100", None),
        ("mnist", None),
        ("", None),
    ],
)
def test_ordinary_spellings_of_a_name_are_understood(name, meant, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataSetError) as error:
        registry.check_name(name)
    assert re.findall(r"Did you mean (\w+)\?", str(error.value)) == ([meant] if meant else [])
    assert "\n" not in str(error.value)


def flowers(home):
    """Writes a custom dataset."""
    home.mkdir(parents=True)
    for name in ("train.bin", "test.bin"):
        write_records(home / name, np.zeros([2, 32, 32, 3], np.uint8), [0, 1])
    DataSet("flowers", ("a", "b"), (home / "train.bin",), (home / "test.bin",)).save_description(home / "dataset.json")


@pytest.mark.parametrize(
    "name",
    [
        "data/flowers",
        "data/flowers/",
        "./data/flowers",
        "data/flowers/dataset.json",
        "~/data/flowers",
        Path("data/flowers"),
    ],
)
def test_a_custom_dataset_is_found_by_its_directory(tmp_path, monkeypatch, name):
    flowers(tmp_path / "data" / "flowers")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert registry.load(name).num_examples("train") == 2


@pytest.mark.parametrize(
    ("make", "name", "message"),
    [
        (
            lambda d: (d / "photos" / "cat").mkdir(parents=True),
            "photos/",
            "photos must be the directory of a dataset, with the file dataset.json; it has none. To create a dataset "
            "from its images, run `cifarlab data photos --as OTHER`",
        ),
        (
            lambda d: (d / "photo.jpg").touch(),
            "photo.jpg",
            "a dataset must be a name or a directory; photo.jpg is a file",
        ),
        (lambda d: None, "data/flowers", "there is no directory data/flowers; available: cifar10"),
        (lambda d: None, "~/flowers", "there is no directory .*/flowers; available"),
        (lambda d: None, "./svhn", "there is no directory svhn"),
        (
            lambda d: native_folder(d / "bin"),
            "bin",
            "bin contains the files of CIFAR-10.*--dataset cifar10 --data-dir bin",
        ),
        (
            lambda d: flowers(d / "svhn"),
            "svhn",
            r"svhn is a built-in one and also a directory of yours. Pass \./svhn for",
        ),
    ],
)
def test_what_is_not_a_dataset_is_named(tmp_path, monkeypatch, make, name, message):
    monkeypatch.chdir(tmp_path)
    make(tmp_path)
    with pytest.raises(DataSetError, match=message) as error:
        registry.load(name)
    assert "\n" not in str(error.value)


def test_a_custom_dataset_with_a_built_in_name_can_be_loaded_by_its_path(tmp_path, monkeypatch):
    flowers(tmp_path / "svhn")
    monkeypatch.chdir(tmp_path)
    assert registry.load("./svhn").classes == ("a", "b")


def test_deleted_records_of_a_custom_dataset_are_named(tmp_path):
    flowers(tmp_path / "flowers")
    (tmp_path / "flowers" / "test.bin").unlink()
    with pytest.raises(DataSetError, match=r"test\.bin must contain records of flowers; No such file"):
        registry.load(str(tmp_path / "flowers"))


@pytest.mark.parametrize("name", ["drawn", "svhn", "street_digits"])
def test_the_data_directory_may_be_that_of_the_dataset(tmp_path, name):
    source = registry.SOURCES[name]
    (tmp_path / name).mkdir()
    for file in source.train_files + source.test_files:
        write_records(tmp_path / name / file, np.zeros([2, 32, 32, 3], np.uint8), [0, 1])
    assert registry.load(name, tmp_path / name).num_examples("test") == 2
    assert registry.find_local("svhn_extra", tmp_path / name) is None
    (tmp_path / name / "dataset.json").touch()  # of a custom dataset
    assert registry.find_local(name, tmp_path / name) is None


def test_a_directory_that_cannot_be_written_is_named(tmp_path, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(registry, "file_lock", refuse)
    with pytest.raises(DataSetError, match=r"must be writable .*/drawn cannot be written \(Permission denied\)"):
        registry.load("drawn", tmp_path)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda f: (f / "data_batch_3.bin").write_bytes(bytes(3072)), "data_batch_3.bin has 3,072 bytes"),
        (lambda f: (f / "data_batch_3.bin").write_bytes(b""), "data_batch_3.bin has 0 bytes"),
        (
            lambda f: (f / "test_batch.bin").write_bytes(bytes([10]) + bytes(3072)),
            "record 0 of .*has 10",
        ),
    ],
)
def test_damaged_files_are_reported_in_one_line(tmp_path, spoil, message):
    spoil(native_folder(tmp_path / cifar10.FOLDER))
    with pytest.raises(DataSetError, match=message) as error:
        registry.load("cifar10", tmp_path)
    assert "\n" not in str(error.value)


def test_a_missing_file_is_named(drawn, tmp_path):
    folder = tmp_path / "gone"
    shutil.copytree(drawn.train_files[0].parent, folder)
    dataset = DataSet("drawn", drawn.classes, (folder / "data_batch_1.bin",), (folder / "test_batch.bin",))
    dataset.validate()
    (folder / "test_batch.bin").unlink()
    with pytest.raises(DataSetError, match=r"test_batch\.bin must contain records of drawn; No such file"):
        dataset.validate()


def test_the_data_directory_can_be_set(monkeypatch, tmp_path):
    monkeypatch.setenv("CIFARLAB_DATA", str(tmp_path))
    assert registry.default_data_dir() == tmp_path
    monkeypatch.delenv("CIFARLAB_DATA")
    assert registry.default_data_dir().name == "cifarlab"


def test_a_description_can_be_read_back(drawn, tmp_path):
    drawn.save_description(tmp_path / "dataset.json")
    described = DataSet.read_description(tmp_path / "dataset.json")
    assert (described.name, described.classes) == (drawn.name, drawn.classes)
    assert (described.image_shape, described.crop_size) == (drawn.image_shape, drawn.crop_size)
    assert described.train_files == drawn.train_files
    assert described.files_exist()


@pytest.mark.parametrize("content", ["", "[]", '{"name": "x"}', '{"name": "x", "classes": 3, "image_shape": 1}'])
def test_a_damaged_description_is_reported_in_one_line(tmp_path, content):
    (tmp_path / "dataset.json").write_text(content)
    with pytest.raises(DataSetError, match="must describe a dataset"):
        DataSet.read_description(tmp_path / "dataset.json")


def test_splits_are_train_validation_and_test(drawn):
    assert drawn.files("validation") == ()
    with pytest.raises(ValueError, match="'train', 'validation' or 'test'; got 'train_eval'"):
        drawn.files("train_eval")


def test_an_old_description_without_validation_files_is_read(drawn, tmp_path):
    drawn.save_description(tmp_path / "dataset.json")
    values = json.loads((tmp_path / "dataset.json").read_text())
    assert values.pop("validation_files") == []
    (tmp_path / "dataset.json").write_text(json.dumps(values))
    assert DataSet.read_description(tmp_path / "dataset.json") == dataclasses.replace(drawn, summary="not compared")


def test_a_directory_called_like_a_built_in_dataset_is_ambiguous(drawn, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "drawn").mkdir()
    drawn.save_description(tmp_path / "drawn" / "dataset.json")
    with pytest.raises(DataSetError, match=r"drawn is a built-in one and also a directory of yours\. Pass \./drawn"):
        registry.load("drawn")
    assert registry.load("./drawn").train_files == drawn.train_files
