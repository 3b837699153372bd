"""Labels in any usual form are read as they were meant, with the right names, or refused."""

import numpy as np
import pytest

from cifarlab.backend import tf
from cifarlab.data.class_labels import encode_labels, label_values
from cifarlab.data.custom import from_arrays
from cifarlab.data.dataset import DataSetError
from cifarlab.data.records import read_records

PLAIN = [2, 0, 1, 2, 0, 1]


def objects(*values):
    return np.array([*values, None], object)[:-1]


@pytest.mark.parametrize(
    "labels",
    [
        PLAIN,
        np.array(PLAIN, np.uint8),
        np.array(PLAIN, np.float32),
        np.array(PLAIN)[:, None],
        np.array(PLAIN)[None],
        np.array(PLAIN, float)[:, None],
        np.eye(3, dtype=int)[PLAIN],
        np.eye(3)[PLAIN] + 1e-7,
        np.eye(3, dtype=bool)[PLAIN],
        np.eye(3, dtype=np.float16)[PLAIN].tolist(),
        objects(*PLAIN),
        np.ma.masked_array(PLAIN, mask=False),
    ],
)
def test_forms_of_numbers(labels):
    assert label_values(labels).tolist() == PLAIN


@pytest.mark.parametrize(
    ("labels", "classes", "codes", "names"),
    [
        (PLAIN, None, PLAIN, "012"),
        ([3, 1, 2], None, [2, 0, 1], "123"),  # starting at 1
        ([10, 30, 20], None, [0, 2, 1], ["10", "20", "30"]),
        ([0, 5, 9], None, [0, 1, 2], "059"),  # gaps
        ([-1, 1, 1], None, [0, 1, 1], ["-1", "1"]),
        ([True, False], None, [1, 0], ["False", "True"]),
        (["dog", "cat", "dog"], None, [1, 0, 1], ["cat", "dog"]),
        ([b"dog", b"cat"], None, [1, 0], ["cat", "dog"]),
        (["10", "9", "2"], None, [2, 1, 0], ["2", "9", "10"]),
        (["007", "9"], None, [0, 1], ["007", "9"]),
        (["kot", "żółw"], None, [0, 1], ["kot", "żółw"]),
        (np.eye(4)[[1, 3]], None, [0, 1], "13"),
        (PLAIN, "abc", PLAIN, "abc"),
        (PLAIN, list("abcd"), PLAIN, "abcd"),  # a class without images
        (PLAIN, np.array([*"abc"]), PLAIN, "abc"),
        ([3, 1, 2], "abc", [2, 0, 1], "abc"),
        ([10, 30, 20], "abc", [0, 2, 1], "abc"),
        ([0, 5, 9], "abc", [0, 1, 2], "abc"),
        ([0, 5, 9], "abcdefghij", [0, 5, 9], "abcdefghij"),  # as many names as the largest label + 1
        ([1, 3, 2], list("-abc"), [1, 3, 2], "-abc"),
        ([1, 3], list("0123456789"), [1, 3], "0123456789"),
        ([0, 7], "0123456789", [0, 7], "0123456789"),
        ([1, 9, 10], ["1", "10", "9"], [0, 2, 1], ["1", "10", "9"]),  # numbers as names
        ([-1, 1], ["no", "yes"], [0, 1], ["no", "yes"]),
        ([False, True], ["no", "yes"], [0, 1], ["no", "yes"]),
        (["b", "a"], ["b", "a", "c"], [0, 1], "bac"),
        (["1", "0"], ["cat", "dog"], [1, 0], ["cat", "dog"]),
        ([1, 10], {1: "one", 10: "zero"}, [0, 1], ["one", "zero"]),
        ([10, 1], {10: "zero", 1: "one"}, [1, 0], ["one", "zero"]),
        ([1, 0], {"0": "cat", "1": "dog"}, [1, 0], ["cat", "dog"]),  # from JSON
        ([1, 0], {"cat": 0, "dog": 1}, [1, 0], ["cat", "dog"]),  # Keras' class_indices
        ([1, 0], {np.int64(0): "cat", np.uint8(1): "dog"}, [1, 0], ["cat", "dog"]),
        ([-1, 0, 1], {-1: "unknown", 0: "cat", 1: "dog"}, [0, 1, 2], ["unknown", "cat", "dog"]),
        (["n02", "n01"], {"n01": "cat", "n02": "dog"}, [1, 0], ["cat", "dog"]),
        ([3, 5], {3: "cat", 5: "dog"}, [0, 1], ["cat", "dog"]),
    ],
)
def test_labels_get_numbers_from_0_on_and_their_names(labels, classes, codes, names):
    encoded = encode_labels(label_values(labels), None, classes)
    assert (encoded.train.tolist(), encoded.classes) == (codes, tuple(names))


@pytest.mark.parametrize(
    ("labels", "classes", "message"),
    [
        ([0, 1, -1], None, r"must not be negative; got -1, 0, 1.*images\[labels >= 0\].*classes=\{-1"),
        ([-5, 3], None, "must not be negative"),
        (["cat", "", "dog", " "], None, r"image 1 has an empty one \(2 such labels\)"),
        ([0, 0, 0], None, "2 to 256 classes; got 1 different label: 0"),
        (range(257), None, "got 257 different labels: 0, 1, 2, 3, 4 and 252 more"),
        ([0.5, 1.0], None, r"whole numbers, the numbers of the classes; image 0 has 0.5 \(1 such"),
        ([0.0, np.nan, 1.0], None, r"known for each image; image 1 has nan \(1 such value\). Leave out"),
        ([0.0, np.inf], None, "image 1 has inf"),
        (np.array([[0.2, 0.8], [1, 0]]), None, r"single 1; row 0 of float64\[2, 2\] is \[0.2, 0.8\].*argmax\(axis=1\)"),
        (np.array([[1, 1], [1, 0]]), None, "row 0"),
        (np.array([[0, 0], [1, 0]]), None, "row 0"),
        (np.array([[1, -1], [-1, 1]]), None, "row 0"),
        (np.array([[-1, 0], [1, 0]]), None, "row 0"),
        (np.zeros([4, 2, 2], int), None, r"one per image, or one-hot rows \[N, classes\]; got int64\[4, 2, 2\]"),
        (7, None, "got int"),
        (None, None, "got NoneType"),
        (np.array([[0, 1, 1], [1, 0, 0]]), None, r"\[0, 1, 1\]. Each image has exactly one class; from"),
        ([1 + 2j, 0], None, "got complex128"),
        ([[0], [1, 2]], None, "got list of several lengths"),
        (np.ma.masked_array([0, 1, 2], mask=[0, 1, 0]), None, "must not be masked; 1 are"),
        (["cat", float("nan")], None, "one number or one text for each image; image 1 has nan"),
        (["cat", 1], None, "image 1 has 1"),
        (objects("cat", None), None, "one number or one text for each image; image 1 has None"),
        (objects("cat", float("nan"), "dog"), None, "image 1 has nan"),
        (objects(0, "cat", 1), None, "image 1 has 'cat'"),
        (["cat", "Cat"], None, "one spelling; got 'cat' and 'Cat'|one spelling; got 'Cat' and 'cat'"),
        (["cat ", "cat"], None, "one spelling"),
        (["u\u0308", "\u00fc"], None, r"one spelling; got .*\\xfc"),
        ([0, 1, 2, 3], list("abc"), "one name for each label, 0, 1, 2, 3; got 3 names, a, b, c"),
        ([10, 20, 30], list("abcde"), r"got 5 names.*Pass a dictionary: classes=\{10: ..., 20: ...\}"),
        (range(1, 11), "0123456789", r"do not show the name of each. Pass a dictionary"),  # SVHN's 10 is 0
        ([3, 5], list("abcdefghij"), "do not show the name of each"),  # counted from 0 or from 1?
        ([0, 1], ["a", "a"], "different names; got a twice"),
        ([0, 1], {"a", "b"}, "a set, which has no order"),
        ([0, 1], 2, "or a dictionary; got a int"),
        ([0, 1], "cat,dog", r"a list of names, or a text with a character for each label, 0, 1; got 'cat,dog'"),
        (range(7), "cat,dog", "list of names"),
        ([0, 1], "abc", "list of names"),
        (["a", "b"], "abc", "list of names"),
        ([0, 1], {0: "a"}, "must name each label, 0, 1; these are missing: 1"),
        ([0, 1], {0: "a", 1: "a"}, "got a twice"),
        (["cat", "dog"], ["cat"], "labels must be among the classes, cat; got dog"),
        ([0, 1], [str(i) for i in range(300)], "got 300 names"),
    ],
)
def test_wrong_labels_are_refused_in_one_line(labels, classes, message):
    with pytest.raises(DataSetError, match=message) as error:
        encode_labels(label_values(labels), None, classes)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("train", "test", "message"),
    [
        ([0, 1], [0, 2, 3], "test labels must occur among the training labels, 0, 1; these do not: 2, 3"),
        (["a", "b"], ["a", "c"], "these do not: c"),
        ([0, 1], ["0", "1"], "both be numbers or both be text"),
        (["cat", "dog"], ["Cat"], "one spelling"),
    ],
)
def test_test_labels_are_those_of_the_training_images(train, test, message):
    with pytest.raises(DataSetError, match=message):
        encode_labels(label_values(train), label_values(test, "test labels"))


def test_test_labels_get_the_numbers_of_the_training_labels():
    encoded = encode_labels(np.array([5, 7, 9]), np.array([9, 9, 5]))
    assert (encoded.train.tolist(), encoded.test.tolist(), encoded.classes) == ([0, 1, 2], [2, 2, 0], ("5", "7", "9"))


def test_the_row_of_a_single_image_is_one_hot(tmp_path):
    assert label_values([[0, 0, 1]], single=True).tolist() == [2]
    assert label_values([[0, 0, 1]]).tolist() == [0, 0, 1]
    images, labels = np.zeros([6, 8, 8], np.uint8), np.eye(3)[PLAIN]
    dataset = from_arrays(images, labels, tmp_path / "a", test=(images[:1], labels[:1]))
    assert read_records(dataset.test_files[0], (8, 8, 1))[1].tolist() == [2]


def test_names_stay_with_their_images(tmp_path):
    """As in potterhsu/SVHNClassifier#9, ten means zero; 40 images of each digit, of that brightness."""
    labels = np.repeat(np.arange(1, 11), 4)
    images = (labels % 10 * 20)[:, None, None] + np.zeros([40, 8, 8], int)
    names = {label: str(label % 10) for label in range(1, 11)}
    dataset = from_arrays(images, labels, tmp_path / "a", classes=names)
    for split in ("train", "test"):
        found, codes = read_records(dataset.files(split)[0], (8, 8, 1))
        assert [int(dataset.classes[code]) * 20 for code in codes] == found[:, 0, 0, 0].tolist()
    assert (dataset.class_counts("train") + dataset.class_counts("test")).tolist() == [4] * 10
    assert 1 <= dataset.class_counts("test").min() <= dataset.class_counts("test").max() <= 3


def test_a_class_without_images_is_kept_if_it_is_named(tmp_path):
    images = np.arange(20, dtype=np.uint8)[:, None, None] + np.zeros([20, 8, 8], np.uint8)
    dataset = from_arrays(images, np.arange(20) % 2 * 2, tmp_path / "a", classes="abc")
    assert dataset.classes == ("a", "b", "c")
    assert (dataset.class_counts("train") + dataset.class_counts("test")).tolist() == [10, 0, 10]


@pytest.mark.parametrize(
    ("classes", "expected"),
    [
        ([b"cat", b"d\xc3\xb6g"], ("cat", "dög")),
        (np.array([b"cat", b"dog"]), ("cat", "dog")),
        (np.array(["cat", "dog"], object), ("cat", "dog")),
        ((b"cat", "dog"), ("cat", "dog")),
        ({0: b"cat", 1: b"dog"}, ("cat", "dog")),
        ({b"cat": 0, b"dog": 1}, ("cat", "dog")),
        ({b"0": "cat", b"1": "dog"}, ("cat", "dog")),
        (tf.constant(["cat", "dog"]), ("cat", "dog")),
        (b"ab", ("a", "b")),
        (np.array([3, 7]), ("3", "7")),
        (range(2), ("0", "1")),
        ([0.5, 1.5], ("0.5", "1.5")),
    ],
)
def test_class_names_in_other_forms_are_texts(classes, expected):
    assert encode_labels(np.array([0, 1, 1]), None, classes).classes == expected


@pytest.mark.parametrize("names", [["cat", None], [["cat"], ["dog"]], [("cat",), "dog"], np.array([["cat"], ["dog"]])])
def test_what_is_not_a_class_name_is_refused(names):
    with pytest.raises(DataSetError, match="classes must be names, each one a text; got "):
        encode_labels(np.array([0, 1]), None, names)
    with pytest.raises(DataSetError, match="classes must be names, each one a text; got "):
        encode_labels(np.array([0, 1]), None, dict(enumerate(names)))
