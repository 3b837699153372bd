"""Arrays are read as they were meant, whatever the order of their axes and the range of their values, or refused."""

import re

import numpy as np
import pytest

from cifarlab.data.arrays import orient
from cifarlab.data.custom import from_arrays
from cifarlab.data.dataset import DataSetError
from cifarlab.data.records import read_records
from cifarlab.data.sources import street_digits
from cifarlab.data.value_ranges import find_range, measure, to_bytes

RNG = np.random.default_rng(0)
COLOR = RNG.integers(0, 256, [12, 8, 10, 3], np.uint8)
GRAY = RNG.integers(0, 256, [12, 8, 10, 1], np.uint8)
LABELS = np.arange(12) % 3


def smooth(count=12, size=8):
    """Images whose channels differ more than neighboring pixels do."""
    rows, columns, channels = np.meshgrid(np.arange(size), np.arange(size), np.arange(3), indexing="ij")
    return np.stack([2 * rows + columns + 60 * channels + i for i in range(count)]).astype(np.uint8)


class Tensor:
    """An array of another library."""

    def __init__(self, values):
        self.values = values

    def __array__(self, dtype=None, copy=None):
        return np.array(self.values, dtype)


class GpuTensor(Tensor):
    def __array__(self, dtype=None, copy=None):
        raise TypeError("can't convert cuda:0 device type tensor to numpy.\nUse Tensor.cpu() first")


def stored(dataset):
    """All images of a dataset in a definite order."""
    images = np.concatenate(
        [read_records(dataset.files(part)[0], dataset.image_shape)[0] for part in ("train", "test")]
    )
    return sorted(images.tolist())


def objects(images):
    array = np.empty(len(images), object)
    array[:] = list(images)
    return array


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (COLOR, COLOR),
        (COLOR.transpose(0, 3, 1, 2), COLOR),  # PyTorch's order; eriklindernoren/PyTorch-GAN#11
        (COLOR.transpose(1, 2, 3, 0), COLOR),  # MATLAB's order, as in SVHN
        (GRAY, GRAY),
        (GRAY[..., 0], GRAY),
        (GRAY.transpose(0, 3, 1, 2), GRAY),
        (GRAY[..., 0].transpose(1, 2, 0), GRAY),
        (list(COLOR), COLOR),
        (tuple(GRAY[..., 0]), GRAY),
        (objects(COLOR), COLOR),
        (COLOR.tolist(), COLOR),
        (np.ma.masked_array(COLOR, mask=False), COLOR),
        (COLOR[:, ::-1, ::-1][:, ::-1, ::-1], COLOR),
        (Tensor(COLOR), COLOR),
        (COLOR[..., :2], COLOR[..., :2]),
        (np.concatenate([COLOR, GRAY], axis=-1), np.concatenate([COLOR, GRAY], axis=-1)),
        (smooth(size=28)[..., :1].reshape(12, 784), smooth(size=28)[..., :1]),  # Kaggle's digits
        (smooth(size=32)[..., 1].reshape(12, 1024), smooth(size=32)[..., 1:2]),
        (smooth(size=32).transpose(0, 3, 1, 2).reshape(12, 3072), smooth(size=32)),  # CIFAR-10's pickles
        (smooth(size=32).reshape(12, 3072), smooth(size=32)),  # flattened in NumPy
        (np.full([12, 192], 7, np.uint8), np.full([12, 8, 8, 3], 7, np.uint8)),
    ],
)
def test_the_axes_are_recognized(tmp_path, given, expected):
    dataset = from_arrays(given, LABELS, tmp_path / "a")
    assert dataset.image_shape == expected.shape[1:]
    assert stored(dataset) == sorted(expected.tolist())


@pytest.mark.parametrize("form", ["planes", "pixels"])
def test_rows_of_real_looking_images_are_recognized(form):
    images = street_digits.draw(np.arange(40) % 10, 7)
    rows = images.transpose(0, 3, 1, 2) if form == "planes" else images
    for some in (slice(None), slice(10)):
        found, _ = orient(rows[some].reshape(-1, 3072), len(rows[some]))
        assert (found == images[some]).all()


@pytest.mark.parametrize("axes", ["NHWC", "NCHW", "HWCN", "CHWN", "nchw"])
def test_axes_that_are_stated_decide(axes):
    cube = np.arange(81).reshape(3, 3, 3, 3)
    found, _ = orient(cube, 3, axes)
    assert (found == cube.transpose([axes.upper().index(letter) for letter in "NHWC"])).all()
    many = np.zeros([6, 9, 7, 10])
    assert orient(many, 6, "NHWC")[0].shape == (6, 9, 7, 10)  # ten channels
    noise = COLOR[:, :8, :8].reshape(12, 192)
    assert (orient(noise, 12, "NHWC")[0] == noise.reshape(12, 8, 8, 3)).all()
    assert (orient(noise, 12, "NCHW")[0] == noise.reshape(12, 3, 8, 8).transpose(0, 2, 3, 1)).all()


@pytest.mark.parametrize(
    ("shape", "count", "axes", "message"),
    [
        ([3, 3, 3, 3], 3, None, r'images must be \[N, rows, columns, channels\]; .* does not show .*axes="NHWC"'),
        ([28, 28, 28], 28, None, 'in several ways. Pass axes="NHW" or axes="HWN"'),
        ([10, 3, 1024], 10, None, r"uint8\[10, 3, 1024\] with 10 labels does not show which axes"),
        ([10, 784, 1], 10, None, "does not show which axes"),
        ([10, 32, 32, 10], 10, None, "does not show which axes"),
        ([32, 32, 3], 1, None, "does not show which axes"),  # one image
        ([28, 28, 60], 59, None, "one for each of 28 images; got 59 labels"),
        ([1, 10, 32, 32, 3], 10, None, "does not show"),
        ([10, 32, 32, 3], 9, None, r"one for each of 10 images; got 9 labels for images uint8\[10, 32, 32, 3\]"),
        ([0, 32, 32, 3], 0, None, "images must not be empty; got uint8"),
        ([3072, 10], 10, None, r"got one per column. Pass the transposed array, images\.T"),
        ([10, 785], 10, None, "rows of 785"),
        ([10, 4], 10, None, "rows of 4"),
        ([10, 32, 32, 3], 10, "HWC", "axes must be the letters N"),
        ([10, 32, 32, 3], 10, "channels_first", "axes must be the letters N"),
        ([10, 32, 32, 3], 10, "NHW", "must have the axes NHW, with N = 10"),
        ([10, 32, 32, 3], 10, "HWCN", "must have the axes HWCN, with N = 10"),
        ([10, 3072], 10, "NHW", '"NCHW" or "NHWC"'),
    ],
)
def test_axes_that_cannot_be_known_are_refused(tmp_path, shape, count, axes, message):
    with pytest.raises(DataSetError, match=message) as error:
        from_arrays(np.zeros(shape, np.uint8), np.arange(count) % 2, tmp_path / "a", axes=axes)
    assert "\n" not in str(error.value)


def test_rows_of_noise_do_not_show_the_order_of_their_values(tmp_path):
    with pytest.raises(DataSetError, match=r'axes="NCHW" for red, green and blue planes.* or axes="NHWC" for pixel by'):
        from_arrays(RNG.integers(0, 256, [12, 3072], np.uint8), LABELS, tmp_path / "a")


def test_test_images_are_read_like_the_training_images(tmp_path):
    cube = RNG.integers(0, 256, [8, 8, 8], np.uint8)  # ambiguous alone
    dataset = from_arrays(GRAY[:, :, :8, 0], LABELS, tmp_path / "a", test=(cube, np.arange(8) % 3))
    assert (read_records(dataset.test_files[0], (8, 8, 1))[0][..., 0] == cube).all()
    planes = smooth(size=8).transpose(0, 3, 1, 2).reshape(12, 192)
    noise = RNG.integers(0, 256, [12, 192], np.uint8)
    dataset = from_arrays(planes, LABELS, tmp_path / "b", test=(noise, LABELS))
    found = read_records(dataset.test_files[0], (8, 8, 3))[0]
    assert (found == noise.reshape(12, 3, 8, 8).transpose(0, 2, 3, 1)).all()
    with pytest.raises(DataSetError, match="same rows, columns and channels"):
        from_arrays(COLOR, LABELS, tmp_path / "c", test=(GRAY, LABELS))


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (bytes(100), "got bytes; convert them with np.frombuffer"),
        ("photos.npy", "must be an array of numbers; got a path; load the file first"),
        ({"x": COLOR}, "got a dictionary; pass its arrays"),
        (["a.png", "b.png"], "got text; to read image files, use from_folder"),
        (
            [COLOR[0], COLOR[1, 1:]],
            r"same size; got 8 x 10 x 3 \(image 0\) and 7 x 10 x 3 \(image 1\). Convert",
        ),
        (objects([COLOR[0], COLOR[1], GRAY[0, :4]]), r"and 4 x 10 x 1 \(image 2\)"),
        (np.ma.masked_array(COLOR, mask=COLOR > 250), r"masked values; \d+ are masked. Fill them first"),
        (GpuTensor(COLOR), "GpuTensor cannot be converted: can't convert cuda:0.*first"),
        (COLOR * 1j, "must be numbers .*; got complex128"),
        (7, "int cannot be converted"),
        (None, "NoneType cannot be converted"),
    ],
)
def test_what_is_not_an_array_of_images_is_refused(tmp_path, images, message):
    with pytest.raises(DataSetError, match=message) as error:
        from_arrays(images, LABELS, tmp_path / "a")
    assert "\n" not in str(error.value)


BYTES = np.arange(256).reshape(4, 8, 8, 1)


@pytest.mark.parametrize(
    "images",
    [
        BYTES.astype(np.uint8),
        BYTES,
        BYTES.astype(np.uint16),
        BYTES.astype(np.float16),
        BYTES.astype(float),
        BYTES + 1e-5,  # 255.00001
        BYTES - 1e-9,
        BYTES / 255,
        (BYTES / 255).astype(np.float16),
        (BYTES / 255).astype(np.float32) * np.float32(1.0000001),
        BYTES / 255 - 1e-9,
        BYTES / 127.5 - 1,
        (BYTES / 127.5 - 1).astype(np.float16),
        (BYTES / 127.5 - 1) * 1.0000001,
        np.round(BYTES * 4095 / 255).astype(np.uint16),  # 12 bits
        np.round(BYTES * 4095 / 255),
        (BYTES * 257).astype(np.uint16),  # 16 bits
        BYTES * 257.0,
        BYTES * 257.0 - 1e-4,
    ],
    ids=lambda images: f"{images.dtype} {images.min():.7g} to {images.max():.7g}",
)
def test_the_range_of_values_is_recognized(images):
    limits = find_range({"images": measure(images)})
    assert to_bytes(images, limits).dtype == np.uint8
    assert (to_bytes(images, limits) == BYTES).all()


def test_one_value_above_1_does_not_make_images_black(tmp_path):
    """As in fossasia/visdom#602."""
    images = np.tile(np.linspace(0, 1, 100).reshape(10, 10), [12, 1, 1]).astype(np.float32)
    images[5, 3, 3] = 1.0000001
    expected = np.round(np.clip(images, 0, 1) * 255).astype(int)[..., None]
    assert stored(from_arrays(images, LABELS, tmp_path / "a")) == sorted(expected.tolist())
    assert expected.max() == 255


@pytest.mark.parametrize(
    ("images", "expected"),
    [
        (np.eye(8)[None] > 0, np.eye(8) * 255),  # masks
        (np.eye(8)[None].astype(np.float32), np.eye(8) * 255),
        (np.zeros([1, 8, 8]), np.zeros([8, 8])),
        (np.full([1, 8, 8], 40, np.uint8), np.full([8, 8], 40)),
        (np.full([1, 8, 8], 9, np.uint8), np.full([8, 8], 9)),  # dark, but bytes
    ],
)
def test_masks_and_dark_images(images, expected):
    assert (to_bytes(images, find_range({"images": measure(images[..., None])})) == expected).all()


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.eye(8, dtype=np.uint8), r"got uint8 from 0 to 1. .*value_range=\(0, 1\) or value_range=\(0, 255\)"),
        (np.eye(8, dtype=np.int64), r"value_range=\(0, 1\) or value_range=\(0, 255\)"),
        (np.eye(8) * 16, r"from 0 to 16\. .*value_range=\(0, 255\) or .* or value_range=\(0, 16\)"),  # scikit-learn's
        (np.eye(8, dtype=np.int64) * 300, r"value_range=\(0, 1023\)"),
        (np.eye(8, dtype=np.uint16) * 1000, r"value_range=\(0, 1023\) or value_range=\(0, 4095\)"),
        (np.eye(8, dtype=np.uint16) * 9000, r"value_range=\(0, 16383\) or value_range=\(0, 65535\)"),
        (np.eye(8) * 1e6, r"value_range=\(0, 1e\+06\)"),
        (np.eye(8) - 0.5, r"undo a standardization .*value_range=\(-1, 1\) or value_range=\(-0.5, 0.5\)"),
        (np.eye(8) * 4.5 - 2, r"from -2 to 2.5. To continue, undo a standardization .*value_range=\(-2, 2.5\)"),
        (np.eye(8) * 255 - 128, r"undo a standardization .*value_range=\(-128, 127\)"),
        (np.eye(8, dtype=np.int64) - 1, r"from -1 to 0. To continue, pass .*value_range=\(-1, 1\)"),
        (np.where(np.eye(8), np.nan, 0.5), r"image 0 has nan at row 0, column 0, channel 0 \(32 such values\)"),
        (np.where(np.arange(64).reshape(8, 8) == 13, -np.inf, 9), "image 0 has -inf at row 1, column 5, channel 0"),
        (np.where(np.eye(8), 300, -20.5), "undo a standardization"),
    ],
)
def test_values_whose_range_cannot_be_known_are_refused(tmp_path, images, message):
    with pytest.raises(DataSetError, match=message) as error:
        from_arrays(np.stack([images] * 4), np.arange(4) % 2, tmp_path / "a")
    assert "\n" not in str(error.value)
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize(
    ("low", "high", "scale"), [(0, 1, 1), (0, 16, 16), (-128, 127, 255), (-0.5, 0.5, 1), (-2, 2.5, 4.5)]
)
def test_a_range_that_is_stated_decides(tmp_path, low, high, scale):
    images = BYTES[..., 0] / 255 * scale + low
    dataset = from_arrays(images, np.arange(4) % 2, tmp_path / "a", value_range=(low, high))
    assert stored(dataset) == sorted(BYTES.tolist())


@pytest.mark.parametrize(
    ("value_range", "message"),
    [
        ((0, 100), "images must have values from 0 to 100; got int64 from 0 to 255"),
        ((255, 0), r"two increasing numbers such as \(0, 255\); got \(255, 0\)"),
        (255, "two increasing numbers"),
        ((0, np.nan), "two increasing numbers"),
        ((0, 1, 2), "two increasing numbers"),
        ("01", "images must have values from 0 to 1"),
    ],
)
def test_wrong_ranges_are_refused(tmp_path, value_range, message):
    with pytest.raises(DataSetError, match=message):
        from_arrays(BYTES, np.arange(4) % 2, tmp_path / "a", value_range=value_range)


LIGHT = np.linspace(0, 1, 64).reshape(1, 8, 8, 1)


@pytest.mark.parametrize(
    ("train", "test", "brightest"),
    [
        (LIGHT * 65535, LIGHT * 3000, 12),  # 12 bits alone
        (LIGHT * 3000, LIGHT * 65535, 255),  # the darker part is the training part
        (LIGHT, LIGHT * 0.2, 51),
        (LIGHT * 255, LIGHT * 40, 40),
        (LIGHT * 255, LIGHT * 0, 0),
        (LIGHT * 2 - 1, LIGHT * 0.4 - 1, 51),
    ],
)
@pytest.mark.parametrize("kind", [float, np.float32, int])
def test_a_dark_part_is_read_with_the_range_of_the_other(train, test, brightest, kind):
    if kind is int and train.max() <= 1:
        pytest.skip("not whole numbers")
    train, test = (np.round(part).astype(kind) if kind is int else part.astype(kind) for part in (train, test))
    limits = find_range({"images": measure(train), "test images": measure(test, "test images")})
    assert to_bytes(test, limits).max() == brightest
    assert to_bytes(train, limits).max() == (12 if train.max() == 3000 else 255)


@pytest.mark.parametrize(
    ("train", "test", "message"),
    [
        (LIGHT * 255, LIGHT, "test images are float64 from 0 to 1, and all together are float64 from 0 to 255"),
        (LIGHT, LIGHT * 255, "images are float64 from 0 to 1, and all"),
        (np.round(LIGHT * 255).astype(np.uint8), LIGHT, "in one range; test images are float64 from 0 to 1"),
        (
            np.round(LIGHT * 255).astype(np.uint8),
            np.round(LIGHT * 65535).astype(np.uint16),
            "in one range; images are uint8 from 0 to 255",
        ),
        (LIGHT * 2 - 1, LIGHT * 255, "must be known"),
        (LIGHT > 0.5, np.round(LIGHT * 255).astype(np.uint8), "images are bool from 0 to 1"),
    ],
)
def test_parts_in_different_ranges_are_refused(tmp_path, train, test, message):
    train, test = np.repeat(train, 4, axis=0), np.repeat(test, 4, axis=0)
    with pytest.raises(DataSetError, match=message):
        from_arrays(train, np.arange(4) % 2, tmp_path / "a", test=(test, np.arange(4) % 2))


def test_the_position_of_nan_is_that_of_the_image_in_any_order_of_axes():
    images = COLOR.astype(np.float32) / 255
    images[7, 2, 5, 1] = np.nan
    for axes in ("NHWC", "NCHW", "HWCN"):
        given = images.transpose(["NHWC".index(letter) for letter in axes])
        with pytest.raises(DataSetError, match="image 7 has nan at row 2, column 5, channel 1"):
            measure(orient(given, 12)[0])


@pytest.mark.parametrize("test", [COLOR, (COLOR,), (COLOR, LABELS, 1), {"images": COLOR}])
def test_the_test_part_is_a_pair(tmp_path, test):
    with pytest.raises(DataSetError, match=re.escape("test must be a pair (images, labels)")):
        from_arrays(COLOR, LABELS, tmp_path / "a", test=test)


def test_the_images_written_do_not_depend_on_the_form(tmp_path):
    forms = [COLOR, COLOR / 255, COLOR.transpose(0, 3, 1, 2), COLOR.astype(np.int64)]
    files = [from_arrays(form, LABELS, tmp_path / str(i), seed=3).train_files[0] for i, form in enumerate(forms)]
    assert len({file.read_bytes() for file in files}) == 1


def test_a_home_directory_is_expanded(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert from_arrays(COLOR, LABELS, "~/a").train_files[0].is_relative_to(tmp_path)
