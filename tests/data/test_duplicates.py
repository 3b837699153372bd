import numpy as np
import pytest

from cifarlab.data.custom import from_arrays, from_tf_dataset
from cifarlab.data.dataset import DataSet, DataSetError
from cifarlab.data.duplicates import describe_duplicates, find_duplicates
from cifarlab.data.records import read_records, write_records


def shades(values):
    """Returns an image of one shade of gray for each value."""
    return np.broadcast_to(np.array(values, np.uint8)[:, None, None, None], [len(values), 6, 6, 1])


def dataset_of(tmp_path, train, test, validation=()):
    """Returns a dataset of (shade, label) pairs."""
    files = {}
    for split, pairs in (("train", train), ("test", test), ("validation", validation)):
        files[split] = (tmp_path / f"{split}.bin",) if pairs else ()
        if pairs:
            values, labels = zip(*pairs, strict=True)
            write_records(tmp_path / f"{split}.bin", shades(values), np.array(labels))
    return DataSet("shades", ("a", "b"), files["train"], files["test"], (6, 6, 1), 3, files["validation"])


@pytest.mark.parametrize(
    ("splits", "marked", "counts", "line"),
    [
        (([(1, 0), (2, 1)], [(3, 0)]), [0, 0], (0, 0, 0, 0), "0 of 1 test images also in the training images."),
        # zalandoresearch/fashion-mnist#44: the same bytes in both parts
        (([(1, 0), (2, 1), (1, 0)], [(1, 0), (3, 1)]), [1, 0, 1], (1, 0, 0, 0), "1 of 2 test images also in"),
        # pratikkayal/PlantDoc-Dataset#4: the same image, in another class
        (([(1, 0), (2, 1)], [(1, 1), (2, 1)]), [1, 1], (2, 0, 1, 0), "training images, 1 of them in another class;"),
        (([(1, 0), (2, 1)], [(3, 0), (3, 0)]), [0, 0], (0, 0, 0, 0), "0 of 2 test"),
        (
            ([(1, 0), (2, 1), (4, 1)], [(5, 0), (4, 1)], [(2, 1), (5, 0), (6, 0)]),
            [0, 1, 1],
            (1, 1, 0, 1),
            "1 of 2 test images and 1 of 3 validation images also in the training images; remove_duplicates=True "
            "(--remove-duplicates) removes them there; 1 test image also in the validation images.",
        ),
    ],
)
def test_identical_images_in_several_splits_are_counted(tmp_path, splits, marked, counts, line):
    dataset = dataset_of(tmp_path, *splits)
    found = find_duplicates(dataset)
    assert found.in_training.tolist() == marked
    assert found[1:] == counts
    assert line in describe_duplicates(found, dataset, removed=False)


def test_remove_duplicates_keeps_the_test_images_and_the_order(tmp_path):
    images = shades([1, 2, 3, 4, 2, 5])
    made = from_arrays(
        images, np.array([0, 1, 0, 1, 1, 0]), tmp_path / "a", test=(images[[1, 5]], np.array([1, 0])), crop_size=3
    )
    assert made.num_examples("train") == 6
    assert "2 of 2 test images also in the training images; remove_duplicates=True" in made.summary
    kept = from_arrays(
        images,
        np.array([0, 1, 0, 1, 1, 0]),
        tmp_path / "b",
        test=(images[[1, 5]], np.array([1, 0])),
        crop_size=3,
        remove_duplicates=True,
    )
    before, after = (read_records(d.train_files[0], (6, 6, 1))[0][:, 0, 0, 0].tolist() for d in (made, kept))
    assert after == [value for value in before if value in (1, 3, 4)]
    assert sorted(after) == [1, 3, 4]
    assert read_records(kept.test_files[0], (6, 6, 1))[0][:, 0, 0, 0].tolist() == [2, 5]
    assert kept.summary.endswith("also in the training images; 3 training images left out.")


def test_a_class_is_not_emptied(tmp_path):
    images, labels = shades([1, 2, 3]), np.array([0, 0, 1])
    for test, message in (([2], "all those of 1 also occur"), ([0, 1, 2], "all of them also occur elsewhere")):
        with pytest.raises(DataSetError, match=message):
            from_arrays(images, labels, tmp_path, test=(images[test], labels[test]), remove_duplicates=True)
    assert not any(tmp_path.iterdir())


def test_tensorflow_datasets_that_overlap_are_noticed(tmp_path):
    """tensorflow/tensorflow#59279 and many questions: parts of a shuffled dataset overlap. Most are refused earlier."""
    from cifarlab.backend import tf

    first, second = (
        tf.data.Dataset.from_tensor_slices((shades(v), v % 2)) for v in (np.arange(60), np.arange(40, 100))
    )
    made = from_tf_dataset(first, second, tmp_path / "a")
    assert made.summary.splitlines()[-1].startswith("Duplicates: 20 of 60 test images")
