"""`from_folder` and `cifarlab data ... --as ...`: what was understood is said, and nothing is lost on the way."""

import json
import re

import numpy as np
import pytest
from PIL import Image

from cifarlab import cli
from cifarlab.data import registry
from cifarlab.data.custom import from_folder
from cifarlab.data.dataset import DataSet, DataSetError
from cifarlab.data.holdout import hold_out
from cifarlab.data.image_files import ImageFileError
from cifarlab.data.records import read_records, write_records

PETS = ("cat", "dog")


def photos(home, parts=("",), each=3, first=0):
    """Writes different images: `each` of each class in each part, gray for cats and red for dogs."""
    value = first
    for part in parts:
        for name in PETS:
            (home / part / name).mkdir(parents=True, exist_ok=True)
            for number in range(each):
                value += 3
                color = (value,) * 3 if name == "cat" else (value, 0, 0)
                Image.new("RGB", (9, 8), color).save(home / part / name / f"{number}.png")
    return home


def values(dataset, split):
    """Returns the red values of all images of a split, sorted, and whether the label fits each image's color."""
    images, labels = read_records(dataset.files(split)[0], dataset.image_shape)
    assert [PETS[label] for label in labels] == ["cat" if image[0, 0, 1] else "dog" for image in images]
    return sorted(images[:, 0, 0, 0].tolist())


def seen(home, part):
    return sorted(Image.open(path).getpixel((0, 0))[0] for path in (home / part).rglob("*.png"))


@pytest.mark.parametrize(
    ("parts", "validation", "expected"),
    [
        (("train", "val", "test"), "split", {"train": ["train"], "validation": ["val"], "test": ["test"]}),
        (("train", "val", "test"), "train", {"train": ["train", "val"], "test": ["test"]}),
        (("Train", "valid"), "split", {"train": ["Train"], "test": ["valid"]}),
        (("train", "test"), "train", {"train": ["train"], "test": ["test"]}),
    ],
)
def test_each_part_becomes_the_split_that_is_meant(tmp_path, parts, validation, expected):
    home = photos(tmp_path / "photos", parts)
    dataset = from_folder(home, tmp_path / "a", size=8, validation=validation)
    for split, sources in expected.items():
        assert values(dataset, split) == sorted(value for part in sources for value in seen(home, part))
    assert bool(dataset.validation_files) == ("validation" in expected)
    assert registry.load(str(tmp_path / "a")) == dataset
    for split, sources in expected.items():
        assert f"{split}: {' and '.join(str(home / part) for part in sources)}" in dataset.summary


def test_a_validation_part_without_a_test_part_can_join_the_training_images(tmp_path):
    home = photos(tmp_path / "photos", ("train", "val"), each=5)
    dataset = from_folder(home, tmp_path / "a", size=8, validation="train")
    assert sorted(values(dataset, "train") + values(dataset, "test")) == sorted(seen(home, "train") + seen(home, "val"))
    assert 1 <= dataset.class_counts("test").min() <= dataset.class_counts("test").max() <= 5
    assert "test: about 20 % of each class of these images, chosen at random by their names" in dataset.summary


def test_the_table(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    home = photos(tmp_path / "photos", ("train", "val"), each=2)
    (home / "train" / "cat" / "notes.txt").touch()
    (home / "train" / "dog" / "a.pdf").touch()
    (home / "test").mkdir()
    Image.open(home / "train" / "cat" / "0.png").save(home / "test" / "1.png")
    Image.open(home / "train" / "cat" / "0.png").save(home / "val" / "cat" / "9.png")
    (home / "val" / "dog").rename(tmp_path / "away")
    dataset = from_folder("photos", "pets", size=8)
    assert dataset.summary.splitlines() == [
        "class  train  test  ignored files",
        "cat        2     3              1",
        "dog        2     0              1",
        "total      4     3              2",
        "train: photos/train",
        "test: photos/val, because there is no test part",
        "No test images of: dog.",
        "Ignored files: 1 .pdf, 1 .txt.",
        "Not used: photos/test (1 image without classes).",
        "Duplicates: 1 of 3 test images also in the training images; remove_duplicates=True "
        "(--remove-duplicates) removes them there.",
    ]
    assert "summary" not in json.loads((tmp_path / "pets" / "dataset.json").read_text())
    assert dataset == DataSet.read_description(tmp_path / "pets" / "dataset.json")
    kept = from_folder("photos", "pets", size=8, remove_duplicates=True)
    assert kept.class_counts("train").tolist() == [1, 2]
    assert kept.summary.endswith("1 of 3 test images also in the training images; 1 training image left out.")


def test_a_table_of_200_classes_is_short(tmp_path):
    from cifarlab.data.summary import class_table

    names, train = [f"species {number:03d}" for number in range(200)], np.arange(200) + 3
    train[77] = 1
    lines = class_table(names, {"train": train, "test": train // 2})
    assert len(lines) == 33
    assert lines[1].split() == ["species", "000", "3", "1"]
    assert lines[21] == "... 170 more classes, 1 (species 077) to 192 (species 189) training images"
    assert lines[22].startswith("species 190")
    assert lines[-1].split() == ["total", f"{train.sum():,}", f"{(train // 2).sum():,}"]
    assert len({len(line) for line in lines if not line.startswith("...")}) == 1


def test_all_unreadable_files_are_listed_and_the_old_dataset_is_kept(tmp_path):
    home = photos(tmp_path / "photos", ("train", "test"), each=20)
    old = from_folder(home, tmp_path / "a", size=8)
    before = [file.read_bytes() for file in old.all_files()]
    broken = [home / part / name / f"{n}.png" for part in ("train", "test") for name in PETS for n in range(6)]
    for path in broken:
        path.write_bytes(b"<html>")
    message = r"24 of 80 files cannot be read: .* and 4 more\. All are listed in"
    with pytest.raises(ImageFileError, match=message) as error:
        from_folder(home, tmp_path / "a", size=8)
    assert "\n" not in str(error.value)
    assert sum(str(path) in str(error.value) for path in broken) == 20
    assert "skip_unreadable=True (--skip-unreadable)" in str(error.value)
    listed = (tmp_path / "a-unreadable.txt").read_text().splitlines()
    assert listed == [f"{path}\ta web page" for path in sorted(broken)]
    assert [file.read_bytes() for file in old.all_files()] == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "a-unreadable.txt", "photos"]
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["dataset.json", "test.bin", "train.bin"]

    kept = from_folder(home, tmp_path / "a", size=8, skip_unreadable=True)
    assert (kept.num_examples("train"), kept.num_examples("test")) == (28, 28)
    values(kept, "train")
    assert "Left out, because they cannot be read: 24 files: " in kept.summary
    assert (tmp_path / "a-unreadable.txt").exists()
    for path in broken:
        path.unlink()
    from_folder(home, tmp_path / "a", size=8)
    assert not (tmp_path / "a-unreadable.txt").exists()


def test_a_class_of_which_nothing_can_be_read_is_refused(tmp_path):
    home = photos(tmp_path / "photos", ("train", "test"))
    for path in (home / "train" / "cat").iterdir():
        path.write_bytes(b"")
    with pytest.raises(DataSetError, match="none of the class cat can be read"):
        from_folder(home, tmp_path / "a", size=8, skip_unreadable=True)
    for path in home.rglob("*.png"):
        path.write_bytes(b"")
    with pytest.raises(ImageFileError, match=r"6 of 12 files cannot be read: .*train/cat/0\.png \(empty\)"):
        from_folder(home, tmp_path / "a", size=8)


def test_images_without_a_reader_are_not_dropped_silently(tmp_path):
    """naver/dust3r#20 and saimn/sigal#436: HEIC files of phones were ignored."""
    home = photos(tmp_path / "photos", each=4)
    for number in range(20):
        (home / "cat" / f"IMG_{number}.HEIC").touch()
    (home / "dog" / "x.nef").touch()
    message = (
        r"got 20 \.heic, 1 \.nef, such as .*cat/IMG_0\.HEIC\. For \.heic, run pip install pillow-heif; for \.nef, "
        r"convert them to PNG or JPEG, and run this again; or leave them out with skip_unreadable=True"
    )
    with pytest.raises(ImageFileError, match=message):
        from_folder(home, tmp_path / "a", size=8)
    dataset = from_folder(home, tmp_path / "a", size=8, skip_unreadable=True)
    assert len(values(dataset, "train") + values(dataset, "test")) == 8
    assert "Left out, because they cannot be read: 21 files" in dataset.summary
    assert "IMG_19.HEIC\trun pip install pillow-heif\n" in (tmp_path / "a-unreadable.txt").read_text()


@pytest.mark.parametrize("name", ["svhn", "cifar10", "Drawn", "street_digits"])
def test_names_of_built_in_datasets_are_refused(tmp_path, name):
    home = photos(tmp_path / "photos")
    made = from_folder(home, tmp_path / "a", size=8)
    with pytest.raises(DataSetError, match=f"must not be called {name}, because --dataset {name.lower()} means"):
        from_folder(home, tmp_path / name, size=8)
    with pytest.raises(DataSetError, match=f"must not be called {name}"):
        hold_out(made, tmp_path / name, 1)
    assert not (tmp_path / name).exists()


def test_places_that_cannot_hold_a_dataset(tmp_path, monkeypatch):
    home = photos(tmp_path / "photos")
    for place in (home, home / "out", home / "cat"):
        with pytest.raises(DataSetError, match="output_dir must be outside image_dir; got"):
            from_folder(home, place, size=8)
    (tmp_path / "file").touch()
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "train.bin").write_bytes(b"somebody's")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "dataset.json").write_text('{"modality": "CT"}')  # another program's
    for name, message in (
        ("file", "must be a writable directory; .*file is not"),
        ("file/below", "must be a writable directory"),
        ("foreign", r"contains train\.bin, which does not belong to a dataset of cifarlab"),
        ("other", r"contains dataset\.json, which does not belong"),
    ):
        with pytest.raises(DataSetError, match=message) as error:
            from_folder(home, tmp_path / name, size=8)
        assert "\n" not in str(error.value)
    assert (tmp_path / "foreign" / "train.bin").read_bytes() == b"somebody's"

    def refuse(**kwargs):
        raise PermissionError(13, "Read-only file system")

    monkeypatch.setattr("tempfile.TemporaryFile", refuse)
    with pytest.raises(DataSetError, match=r"must be a writable directory; .*new is not \(Read-only file system\)"):
        from_folder(home, tmp_path / "new", size=8)


def test_a_dataset_next_to_or_above_its_images_and_paths_with_a_tilde(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    photos(tmp_path / "data" / "photos")
    made = from_folder("~/data/photos/", "~/data", size=8)
    assert made.train_files == (tmp_path / "data" / "train.bin",)
    monkeypatch.chdir(tmp_path / "data")
    assert from_folder("photos", ".", size=8) == made
    assert from_folder("photos", "../pets/", size=8).name == "pets"


def test_validation_images_of_a_replaced_dataset_do_not_stay(tmp_path):
    made = from_folder(photos(tmp_path / "photos", ("train", "val", "test")), tmp_path / "a", size=8)
    assert made.validation_files[0].exists()
    again = from_folder(tmp_path / "photos" / "train", tmp_path / "a", size=8)
    assert again.validation_files == ()
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["dataset.json", "test.bin", "train.bin"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"size": 0}, "size must be a whole number from 1 to 4,096; got 0"),
        ({"size": (32, 32)}, r"size must be a whole number from 1 to 4,096; got \(32, 32\)"),
        ({"size": 24, "crop_size": 32}, "crop_size must be from 1 to the image size, 24 x 24; got 32"),
        ({"crop_size": 24.5}, "crop_size must be from 1 to the image size, 32 x 32; got 24.5"),
        ({"test_fraction": 20}, "test_fraction must be a number between 0 and 1, such as 0.2; got 20"),
        ({"test_fraction": 0}, "test_fraction must be a number between 0 and 1, such as 0.2; got 0"),
        ({"test_fraction": 1}, "test_fraction must be a number between 0 and 1, such as 0.2; got 1"),
        ({"test_fraction": -0.2}, "test_fraction must be a number between 0 and 1, such as 0.2; got -0.2"),
        ({"test_fraction": True}, "test_fraction must be a number between 0 and 1, such as 0.2; got True"),
        ({"test_fraction": float("nan")}, "test_fraction must be a number between 0 and 1, such as 0.2; got nan"),
        ({"test_fraction": "0.2"}, "test_fraction must be a number between 0 and 1, such as 0.2; got '0.2'"),
        ({"seed": -1}, "seed must be a whole number from 0"),
        ({"validation": "test"}, 'validation must be "split" or "train"; got \'test\''),
    ],
)
def test_settings_out_of_range_are_refused_before_images_are_read(tmp_path, monkeypatch, settings, message):
    monkeypatch.setattr("cifarlab.data.image_reader.read_image", lambda *args: 1 / 0)
    with pytest.raises(DataSetError, match=message):
        from_folder(photos(tmp_path / "photos"), tmp_path / "a", **settings)


def test_progress_counts_all_images(tmp_path, monkeypatch):
    monkeypatch.setattr("cifarlab.data.writer._PROGRESS_INTERVAL_S", 0.0)
    monkeypatch.setattr("cifarlab.data.image_reader._CHUNK_SIZE", 5)
    calls = []
    home = photos(tmp_path / "photos", ("train", "val", "test"), each=3)
    from_folder(home, tmp_path / "a", size=8, progress=lambda *args: calls.append(args))
    assert calls == [(5, 18), (6, 18), (11, 18), (12, 18), (17, 18), (18, 18)]


# ---- the command


def run(capsys, *arguments):
    """Runs a command and returns its status, the lines on stdout, and stderr."""
    capsys.readouterr()
    status = cli.main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    return status, out.splitlines(), err


def test_the_command_prints_the_table(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    photos(tmp_path / "photos" / "flowers", ("train", "val", "test"))
    status, lines, err = run(capsys, "data", "photos/flowers", "--as", "data/flowers", "--size", 16, "--crop-size", 12)
    assert (status, err) == (0, "")
    assert lines == [
        "class  train  validation  test",
        "cat        3           3     3",
        "dog        3           3     3",
        "total      6           6     6",
        "train: photos/flowers/train",
        "validation: photos/flowers/val",
        "test: photos/flowers/test",
        "Duplicates: 0 of 6 test images and 0 of 6 validation images also in the training images.",
        f"flowers: 6 training, 6 validation and 6 test images in {tmp_path / 'data' / 'flowers'}",
    ]
    made = registry.load("data/flowers")
    assert (made.image_shape, made.crop_size) == ((16, 16, 3), 12)
    status, lines, _ = run(capsys, "data", "data/flowers")
    assert (status, lines) == (0, ["flowers: 6 training, 6 validation and 6 test images in data/flowers"])


def test_the_options_are_those_of_from_folder(tmp_path, capsys):
    home = photos(tmp_path / "photos", ("train", "val"), each=10)
    (home / "train" / "cat" / "0.png").write_bytes(b"")
    Image.open(home / "train" / "cat" / "1.png").save(home / "train" / "cat" / "2.png")
    options = ["--validation", "train", "--test-fraction", "0.5", "--seed", "3", "--skip-unreadable"]
    status, lines, err = run(capsys, "data", home, "--as", tmp_path / "a", *options, "--remove-duplicates")
    assert (status, err) == (0, "")
    made = registry.load(str(tmp_path / "a"))
    same = from_folder(
        home,
        tmp_path / "b",
        validation="train",
        test_fraction=0.5,
        seed=3,
        skip_unreadable=True,
        remove_duplicates=True,
    )
    for one, other in zip(made.all_files(), same.all_files(), strict=True):
        assert one.read_bytes() == other.read_bytes()
    expected = same.summary.replace("/b-", "/a-").splitlines()
    assert lines[: len(expected)] == expected


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["photos"], "photos is not a dataset yet.* add the directory to write: cifarlab data photos --as DIRECTORY"),
        (["photos.zip"], r"photos\.zip is not a dataset yet"),
        (["photos.zip", "--as", "a"], r"photos\.zip is not a directory; .* Unpack it first"),
        (["nowhere"], "unknown dataset 'nowhere'"),
        (["nowhere", "--as", "a"], "nowhere is not a directory"),
        (["photos", "--as", "svhn"], "output_dir must not be called svhn"),
        (["photos", "--as", "photos/a"], "output_dir must be outside image_dir"),
        (["svhn", "--as", "a"], r"svhn is built in. Omit --as, or pass \./svhn"),
        (["photos", "--as", "a", "--force"], "Omit --force"),
        (["photos", "--size", "64"], "--size is for your own images. Add --as DIRECTORY"),
        (["drawn", "--skip-unreadable"], "--skip-unreadable is for your own images"),
        (["", "--as", "a"], "image_dir must be the path of a directory; got an empty one"),
        (["photos", "--as", ""], "output_dir must be the path of a directory; got an empty one"),
        (["photos", "--as", "a", "--size", "0"], "size must be a whole number"),
        (["photos", "--as", "a", "--crop-size", "99"], "crop_size must be from 1 to the image size"),
    ],
)
def test_the_command_refuses_in_one_line(tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)
    photos(tmp_path / "photos")
    (tmp_path / "photos.zip").touch()
    status, lines, err = run(capsys, "data", *arguments)
    assert (status, lines) == (2, [])
    assert err.count("\n") == 1
    assert re.search(message, err), err
    assert sorted(path.name for path in tmp_path.iterdir()) in (["photos", "photos.zip"], ["a", "photos", "photos.zip"])


def test_hold_out_does_not_take_the_validation_images_with_it(tmp_path):
    made = from_folder(photos(tmp_path / "photos", ("train", "val", "test"), each=4), tmp_path / "a", size=8)
    held = hold_out(made, tmp_path / "held", 2)
    assert (held.num_examples("train"), held.num_examples("test"), held.validation_files) == (6, 2, ())
    write_records(tmp_path / "held" / "held_out.bin", np.zeros([1, 8, 8, 3], np.uint8), [0])
    with pytest.raises(DataSetError, match="must not contain the files of a"):
        hold_out(made, tmp_path / "a", 2)


def test_a_dataset_is_not_written_among_other_images(tmp_path):
    home, other = photos(tmp_path / "photos"), photos(tmp_path / "other")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(
        DataSetError, match=r"output_dir must be a directory without images; .*/other has some, such as"
    ):
        from_folder(home, other)
    assert sorted(tmp_path.rglob("*")) == before
    from_folder(home, tmp_path / "a", size=8)
    Image.new("RGB", (9, 9)).save(tmp_path / "a" / "figure.png")  # next to the dataset, which is replaced
    assert from_folder(home, tmp_path / "a", size=8).num_examples("train")
