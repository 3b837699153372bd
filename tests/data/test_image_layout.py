"""Directories of images as people arrange them: each is understood as intended, or refused in one line."""

import pytest

from cifarlab.data.dataset import DataSetError
from cifarlab.data.image_layout import read_layout

NFC, NFD = "caf\u00e9", "cafe\u0301"


def plant(home, spec):
    """Creates empty files: `{"train/cat": 2}` makes two images there, and a name with an extension is one file."""
    home.mkdir(exist_ok=True)
    for place, count in spec.items():
        path = home / place
        if count == 1 and "." in path.name.lstrip("."):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
            continue
        path.mkdir(parents=True, exist_ok=True)
        for number in range(count):
            (path / f"{number}{('.jpg', '.PNG')[number % 2]}").touch()
    return home


def understood(layout):
    """Returns the number of images of each class in each part."""
    return {
        part: {name: len(paths) for name, paths in zip(layout.classes, by_class, strict=True) if paths}
        for part, by_class in layout.images.items()
    }


PETS = {"cat": 2, "dog": 3}


def below(*parts):
    """Returns a specification with two cats and three dogs below each part."""
    return {f"{part}/{name}" if part else name: count for part in parts for name, count in PETS.items()}


def found(*parts):
    return dict.fromkeys(parts, PETS)


ALL = found("train", "validation", "test")


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (below(""), found("train")),
        (below("train", "test"), found("train", "test")),
        (below("train", "val"), found("train", "validation")),  # huggingface/datasets#4839
        (below("train", "valid", "test"), ALL),
        (below("Train", "Test"), found("train", "test")),
        (below("TRAINING", "VALIDATION", "TESTING"), ALL),
        (below("training_set", "test_set"), found("train", "test")),
        (below("train_images", "val_images", "test_images"), ALL),
        (below("trainImages", "testImages"), found("train", "test")),
        (below("trainset", "valset", "testset"), ALL),
        (below("train2017", "val2017"), found("train", "validation")),
        (below("Training Data", "Testing-Data"), found("train", "test")),
        (below("images_train", "images_dev", "images_eval"), ALL),
        (below("seg_train/seg_train", "seg_test/seg_test") | {"seg_pred/seg_pred": 4}, found("train", "test")),
        (below("asl_train/asl_train", "asl_val/asl_val"), found("train", "validation")),
        (below("01_train", "02_test"), found("train", "test")),
        (below("Train_Set_Folder", "Test_Set_Folder"), found("train", "test")),
        (below("train"), found("train")),
        (below("flowers/train", "flowers/val"), found("train", "validation")),
        (below("dataset/dataset"), found("train")),
        (below("train/images", "test/images"), found("train", "test")),
        (below("archive/data", "__MACOSX/data"), found("train")),
    ],
)
def test_parts_have_any_common_name(tmp_path, spec, expected):
    layout = read_layout(plant(tmp_path / "photos", spec))
    assert understood(layout) == expected
    assert layout.classes == ["cat", "dog"]
    assert layout.directories.keys() == expected.keys()


@pytest.mark.parametrize(
    ("spec", "expected", "note"),
    [
        # fastai/fastai#1552 and #2336: the test directory became a class
        (below("train") | {"test": 4}, found("train"), "Not used: photos/test (4 images without classes)."),
        (below("train") | {"test/test": 4}, found("train"), "Not used: photos/test (4 images without classes)."),
        (below("train", "val") | {"test/unknown": 4}, found("train", "validation"), "photos/test (4 images"),
        (below("seg_train", "seg_test") | {"seg_pred": 2}, found("train", "test"), "photos/seg_pred (2 images"),
        (below("train", "test") | {"val": 0}, found("train", "test"), "Not used: photos/val (it contains no images)."),
        (below("a/b"), found("train"), "Looked through photos, which contains only a."),
        (
            below("train", "test") | {"train/9.jpg": 1},
            found("train", "test"),
            "photos/train (1 image directly in it, outside all classes).",
        ),
        (below("") | {"sample.png": 1}, found("train"), "photos (1 image directly in it"),
        (below("") | {".raw": 5}, found("train"), "Not used: photos/.raw (a hidden directory)."),
        (
            {"cat/1.jpg": 1, "cat/frames": 3, "dog": 3},
            {"train": {"cat": 4, "dog": 3}},
            "Includes the images in subdirectories of classes: photos/cat/frames.",
        ),
        (
            below("train") | {"test/Cat ": 1, "test/DOG": 2},
            {"train": PETS, "test": {"cat": 1, "dog": 2}},
            "photos/test/DOG is the class dog.",
        ),
        # the layout of Tiny ImageNet
        (
            {"train/n01/images": 2, "train/n02/images": 2, "train/n01/boxes.txt": 1, "val/images": 3, "val/v.txt": 1},
            {"train": {"n01": 2, "n02": 2}},
            "Not used: photos/val (3 images without classes).",
        ),
    ],
)
def test_what_is_not_obvious_is_said(tmp_path, monkeypatch, spec, expected, note):
    monkeypatch.chdir(tmp_path)
    plant(tmp_path / "photos", spec)
    layout = read_layout((tmp_path / "photos").relative_to(tmp_path))
    assert understood(layout) == expected
    assert any(note in line for line in layout.notes), layout.notes


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"airplane": 2, "car": 2, "train": 2}, {"train": {"airplane": 2, "car": 2, "train": 2}}),  # the vehicle
        ({"toy train": 2, "test tube": 3}, {"train": {"toy train": 2, "test tube": 3}}),
        ({"dev board": 2, "trainer": 3}, {"train": {"dev board": 2, "trainer": 3}}),
        ({"_unknown_": 2, "yes": 3}, {"train": {"_unknown_": 2, "yes": 3}}),
        # ultralytics/ultralytics#13936: a class without test images moved the labels of the others
        (below("train") | {"test/dog": 1}, {"train": PETS, "test": {"dog": 1}}),
        (below("train") | {"test/dog": 1, "test/cat": 0}, {"train": PETS, "test": {"dog": 1}}),
        ({"cat/cat": 2, "dog/images": 3}, {"train": PETS}),
        (below("train", "test") | {"annotations/1.xml": 1}, found("train", "test")),
        ({f"train/{NFD}": 2, "train/tea": 1, f"test/{NFC}": 1}, {"train": {NFC: 2, "tea": 1}, "test": {NFC: 1}}),
        ({" cat": 2, "dog ": 1}, {"train": {"cat": 2, "dog": 1}}),
    ],
)
def test_names_mean_what_they_say(tmp_path, spec, expected):
    assert understood(read_layout(plant(tmp_path / "photos", spec))) == expected


LEFTOVERS = [
    *("@eaDir", "#recycle", "lost+found", "__MACOSX", "$RECYCLE.BIN", "System Volume Information", "__pycache__"),
    *(".ipynb_checkpoints", ".git", ".svn", ".thumbnails", ".Trash-1000", ".Spotlight-V100", ".fseventsd"),
]
"""pytorch/vision#2831 and open-mmlab/mmpretrain#507: a directory of Jupyter became a class."""


@pytest.mark.parametrize("name", LEFTOVERS)
@pytest.mark.parametrize("place", ["", "train/", "train/cat/"])
def test_leftovers_are_neither_classes_nor_images(tmp_path, name, place):
    home = plant(tmp_path / "photos", below("train", "test"))
    plant(home / place / name, {"cat": 2, "1.jpg": 1})
    for file in ("Thumbs.db", ".DS_Store", "._0.jpg", "desktop.ini"):  # pytorch/vision#109, BiaPyX/BiaPy#125
        (home / place / file).touch()
    layout = read_layout(home)
    assert understood(layout) == found("train", "test")
    assert not layout.ignored_elsewhere
    assert not any(layout.ignored)
    assert not any(name in line for line in layout.notes)


def test_other_files_are_counted_by_extension(tmp_path):
    others = ["cat/a.txt", "cat/b.TXT", "dog/c.pdf", "dog/d.h5", "dog/e.eps", "dog/g.mov", "labels.csv"]
    home = plant(tmp_path / "photos", below("") | dict.fromkeys(others, 1) | {"dog/none.jpg.part": 1})
    (home / "dog" / "f").touch()
    layout = read_layout(home)
    assert understood(layout) == found("train")
    assert layout.ignored[0] == {".txt": 2}
    assert layout.ignored[1] == {".pdf": 1, ".h5": 1, ".eps": 1, "without extension": 1, ".mov": 1, ".part": 1}
    assert layout.ignored_elsewhere == {".csv": 1}


def test_images_without_a_reader_are_listed_unless_a_readable_copy_exists(tmp_path):
    files = ["cat/a.HEIC", "cat/b.jxl", "dog/c.nef", "dog/0.CR2", "cat/d.svg"]  # dog/0.jpg exists
    layout = read_layout(plant(tmp_path / "photos", below("") | dict.fromkeys(files, 1)))
    assert sorted(path.name for path in layout.unsupported) == ["a.HEIC", "b.jxl", "c.nef", "d.svg"]
    assert layout.ignored[1] == {".cr2": 1}


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({}, "photos must contain one subdirectory of images per class, 2 to 256 in all; it has 0. Pass"),
        ({".": 3}, "it has 0, but 3 images directly in it"),
        ({".": 3, "labels.csv": 1}, r"but 3 images directly in it, 1 \.csv \(labels in a table are not read"),
        ({"train.zip": 1, "test.zip": 1}, r"it has 0, but 2 \.zip \(unpack archives first\)"),
        ({"cat": 3}, r"it has 1 \(cat\)\. Pass"),
        ({"images": 3, "labels.csv": 1}, r"it has 1 \(images\), but 1 \.csv \(labels in a table are not read"),
        ({"cat": 3, "dog": 0}, "photos/dog must contain images of the class dog; it has none. Add images"),
        ({"cat": 3, "dog/1.pdf": 1}, r"dog must contain images of the class dog; it has none, but 1 \.pdf"),
        (
            {"train": 4, "test": 2},
            "photos/train must contain one subdirectory .* it has none, only 4 images. Move each",
        ),
        (
            {"train/cat.0.jpg": 1, "train/dog.0.jpg": 1, "test1": 3},  # Kaggle's dogs-vs-cats
            r"photos/train must .* none, only 2 images\. Move each image .* such as train/CLASS/cat\.0\.jpg\.",
        ),
        ({"Test": 1}, "photos/Test must contain one subdirectory .* only 1 image. Move .* such as Test/CLASS"),
        ({"cat": 2, "dog": 2, "test": 2}, "photos/test may be a class or the images of a part, next to .* cat, dog"),
        (below("train") | {"train": 0, "extra": 2}, "photos/extra must be named after a part, as train is"),
        (below("train", "test", "extra"), "photos/extra must be named after a part, as test, train is"),
        (below("train", "val", "validation"), "'.*val' and '.*validation' both mean the validation part"),
        (below("val", "test"), "photos must contain the part train, with classes; found only test, val"),
        (below("test") | {"train": 4}, "must contain the part train, with classes; train contains images without"),
        (below("test") | {"train": 0}, "photos/train must contain the training images; it has none"),
        (below("train") | {"test/cat": 1, "test/fox": 1}, "photos/test must contain only classes of .*; .* has fox"),
        (below("2019", "2020"), r"2019 must contain images of the class 2019; it contains only directories \(cat, dog"),
        (below("2019", "2020"), "Understood as 2 classes: 2019, 2020. Pass a directory with one subdirectory"),
        (below("cat", "dog"), r"cat must contain images of the class cat; it contains only directories \(cat, dog"),
        (
            {"cat/train": 1, "cat/test": 1, "dog/train": 1},
            r"only directories \(test, train\)\. .* Move parts above classes: train/cat instead of cat/train\.",
        ),
        (
            {"cat/Train": 1, "dog/Train": 1},
            r"\(Train\)\. .* Move parts above classes: Train/cat instead of cat/Train\.",
        ),
        (
            below("train", "test") | {"cat": 1},
            r"photos/cat must be in a part, because it has the name of a class in .*photos/train\. Move its 1 image to",
        ),
        (below("train", "test") | {"CAT": 3}, "photos/CAT must be in a part, .* Move its 3 images to the right part"),
        ({"train/a/x": 2, "train/a/y": 2, "train/b": 2}, "train/a must contain images of the class a"),
        ({"images": 2, "masks": 2}, "photos/images must be named after a class, because it is next to masks"),
        ({"Cat": 1, "cat": 1}, "'.*/Cat' and '.*/cat' must differ in more than case"),
        ({"cat ": 1, "cat": 1}, "'.*/cat' and '.*/cat ' must differ in more than case"),
        ({NFC: 1, NFD: 1}, r"caf\\xe9' must differ in more than case, blanks or Unicode"),
        (below("train") | {"test/Cat": 1, "test/cat": 1}, "'.*/Cat' and '.*/cat' must differ"),
        ({str(number): 1 for number in range(257)}, "2 to 256 in all; it has 257"),
    ],
)
def test_what_has_no_meaning_or_two_is_refused_in_one_line(tmp_path, spec, message):
    home = plant(tmp_path / "photos", spec)
    with pytest.raises(DataSetError, match=message) as error:
        read_layout(home)
    assert "\n" not in str(error.value)


def test_images_without_extensions_are_explained(tmp_path):
    home = plant(tmp_path / "photos", {"cat": 2, "dog": 0})
    (home / "dog" / "photo1").touch()
    with pytest.raises(DataSetError, match=r"none, but 1 without extension \(if these are images, add an extension"):
        read_layout(home)


def test_a_file_or_nothing_instead_of_a_directory(tmp_path):
    (tmp_path / "photos.zip").touch()
    with pytest.raises(DataSetError, match=r"photos\.zip is not a directory; expected .* Unpack it first"):
        read_layout(tmp_path / "photos.zip")
    with pytest.raises(DataSetError, match="nowhere is not a directory; expected a directory with one subdirectory"):
        read_layout(tmp_path / "nowhere")


def test_links_are_followed_under_their_own_names(tmp_path):
    """huggingface/datasets#5098: the class was that of the file that the link leads to."""
    store = plant(tmp_path / "store", below("") | {"birds": 4})
    home = plant(tmp_path / "photos", {"normal": 0, "train set": 0})
    (home / "train set").rmdir()
    (home / "odd").symlink_to(store / "birds")
    (home / "normal" / "1.jpg").symlink_to(store / "cat" / "0.jpg")
    (home / "normal" / "2.jpg").symlink_to("../../store/dog/0.jpg")
    assert understood(read_layout(home)) == {"train": {"normal": 2, "odd": 4}}
    (tmp_path / "linked").symlink_to(home)
    assert understood(read_layout(tmp_path / "linked")) == {"train": {"normal": 2, "odd": 4}}


@pytest.mark.parametrize("place", ["bird", "test", "cat/more"])
def test_a_link_to_a_directory_that_is_gone_is_named(tmp_path, place):
    home = plant(tmp_path / "photos", below(""))
    (home / place).symlink_to(tmp_path / "unmounted")
    with pytest.raises(
        DataSetError, match=f"photos/{place} must not link to something that does not exist; it links to .*unmounted"
    ):
        read_layout(home)
