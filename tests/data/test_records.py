import tracemalloc

import numpy as np
import pytest

from cifarlab.data.records import (
    RecordError,
    count_records,
    read_labels,
    read_record,
    read_records,
    record_bytes,
    write_records,
)


def record(label, red, green, blue):
    """Returns a record in which every plane has a single value."""
    return bytes([label]) + bytes([red]) * 1024 + bytes([green]) * 1024 + bytes([blue]) * 1024


def test_a_record_is_label_then_red_green_and_blue_planes():
    image, label = read_record(record(3, 10, 20, 30))
    assert label == 3
    assert image.dtype == np.uint8
    assert image.shape == (32, 32, 3)
    assert (image == [10, 20, 30]).all()


def test_planes_are_row_major():
    planes = np.zeros([3, 32, 32], np.uint8)
    planes[1, 2, 5] = 99  # green, third row, sixth column
    image, _ = read_record(bytes([0]) + planes.tobytes())
    assert image[2, 5].tolist() == [0, 99, 0]
    assert image.sum() == 99


def test_files_are_read_like_single_records(tmp_path):
    path = tmp_path / "three.bin"
    path.write_bytes(record(1, 1, 2, 3) + record(9, 4, 5, 6) + record(0, 7, 8, 9))
    images, labels = read_records(path)
    assert labels.tolist() == [1, 9, 0]
    assert images[1, 31, 31].tolist() == [4, 5, 6]
    assert read_labels(path).tolist() == [1, 9, 0]
    assert count_records(path) == 3


def test_written_records_are_read_back(tmp_path):
    rng = np.random.default_rng(1)
    images, labels = rng.integers(0, 256, [7, 32, 32, 3], np.uint8), rng.integers(0, 10, 7)
    write_records(tmp_path / "a.bin", images, labels)
    assert (tmp_path / "a.bin").stat().st_size == 7 * 3073
    read, read_labels_ = read_records(tmp_path / "a.bin")
    assert (read == images).all()
    assert (read_labels_ == labels).all()
    assert not list(tmp_path.glob("*.part"))


def test_other_image_shapes(tmp_path):
    assert record_bytes((28, 30, 1)) == 841
    write_records(tmp_path / "gray.bin", np.full([2, 28, 30, 1], 5, np.uint8), [0, 1])
    images, _ = read_records(tmp_path / "gray.bin", (28, 30, 1))
    assert images.shape == (2, 28, 30, 1)


@pytest.mark.fault(promise="archives and files", injection="truncated records, or labels out of range")
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "bad.bin has 0 bytes"),
        (bytes(3072), "bad.bin has 3,072 bytes"),
        (bytes(3074), "bad.bin has 3,074 bytes"),
        (record(3, 0, 0, 0) + record(10, 0, 0, 0), "record 1 of bad.bin has 10"),
    ],
)
def test_damaged_files_are_refused_in_one_line(tmp_path, content, message):
    (tmp_path / "bad.bin").write_bytes(content)
    with pytest.raises(RecordError, match=message) as error:
        read_records(tmp_path / "bad.bin")
    assert "\n" not in str(error.value)


@pytest.mark.fault(promise="archives and files", injection="truncated records, or labels out of range")
def test_a_record_of_the_wrong_length_is_refused():
    with pytest.raises(RecordError, match=r"3,073 bytes; got 3,072"):
        read_record(bytes(3072))


@pytest.mark.fault(promise="archives and files", injection="truncated records, or labels out of range")
@pytest.mark.parametrize(
    ("images", "labels"),
    [
        (np.zeros([1, 32, 32, 3]), [0]),
        (np.zeros([32, 32, 3], np.uint8), [0]),
        (np.zeros([2, 32, 32, 3], np.uint8), [0]),
        (np.zeros([1, 32, 32, 3], np.uint8), [0.5]),
        (np.zeros([1, 32, 32, 3], np.uint8), [256]),
    ],
)
def test_invalid_arrays_are_not_written(tmp_path, images, labels):
    with pytest.raises(RecordError):
        write_records(tmp_path / "a.bin", images, labels)
    assert not list(tmp_path.iterdir())


def test_reading_labels_takes_little_memory(tmp_path):
    path = tmp_path / "large.bin"
    labels = np.arange(10_000) % 10
    path.write_bytes(b"".join(bytes([label]) + bytes(3072) for label in labels))  # 31 MB
    tracemalloc.start()
    read = read_labels(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert read.tolist() == labels.tolist()
    assert peak < 10e6
