"""`cifarlab classify`: files and directories of any number, one answer or one line about each."""

import csv
import io
import itertools
import json
import os

import numpy as np
import pytest
from PIL import Image

from cifarlab import cli
from cifarlab.data.dataset import DataSet
from cifarlab.errors import UserError
from cifarlab.evaluation.classifier import Classifier, Prediction, classify
from cifarlab.evaluation.image_predictions import BATCH_SIZE, classify_files, find_images
from cifarlab.model.network import ConvNet, ImageShapeError
from cifarlab.monitoring.prediction_lines import csv_line, json_line, text_line

CLASSES = tuple("abcdefghij")


@pytest.fixture(scope="module")
def classifier():
    return Classifier(ConvNet(seed=3), DataSet("letters", CLASSES))


@pytest.fixture
def photos(tmp_path):
    """Two images of different colors, a damaged one between them, and files that are not images."""
    folder = tmp_path / "photos"
    (folder / "deeper" / ".hidden").mkdir(parents=True)
    Image.new("RGB", (40, 50), "red").save(folder / "1.png")
    (folder / "2.jpg").write_bytes(b"not an image")
    Image.new("RGB", (64, 32), "blue").save(folder / "deeper" / "3.JPG", "JPEG")
    Image.new("RGB", (8, 8)).save(folder / "deeper" / ".hidden" / "4.png")
    (folder / "notes.txt").write_text("no image")
    return folder


def run(capsys, *arguments):
    """Returns the exit status of `cifarlab classify` with the pretrained weights, its lines and its errors."""
    status = cli.main(["classify", *map(str, arguments)])
    out, err = capsys.readouterr()
    return status, out, err


def test_a_damaged_image_among_others_costs_only_its_own_answer(classifier, photos):
    """As in microsoft/Biodiversity #575, where one such file ended the predictions for a directory."""
    found = list(classify_files(classifier, find_images([photos])))
    assert isinstance(found[1], UserError)
    assert "2.jpg must be an image" in str(found[1])
    assert [found[0][0].name, found[2][0].name] == ["1.png", "3.JPG"]
    image = np.zeros([1, 32, 32, 3], np.uint8)
    image[..., 0] = 255
    (alone,) = classify(classifier, image)
    assert [name for name, _ in found[0][1]] == [name for name, _ in alone]
    assert [share for _, share in found[0][1]] == pytest.approx([share for _, share in alone], rel=1e-5)
    assert found[0][1] != found[2][1]


def test_images_that_need_a_plug_in_are_named(classifier, photos):
    """Not one that is a copy: cameras write a raw file next to each JPEG."""
    (photos / "deeper" / "0.HEIC").write_bytes(b"\0\0\0\x18ftypheic")
    (photos / "1.cr2").write_bytes(b"II*\0")
    found = list(classify_files(classifier, find_images([photos])))
    assert len(found) == 4
    assert isinstance(found[2], UserError)
    assert "0.HEIC" in str(found[2])
    assert "pillow-heif" in str(found[2])


@pytest.mark.parametrize("count", [1, BATCH_SIZE - 1, BATCH_SIZE, 2 * BATCH_SIZE + 3])
def test_answers_come_in_order_after_each_batch(classifier, tmp_path, monkeypatch, count):
    monkeypatch.setattr(
        "cifarlab.evaluation.image_predictions.classify", lambda _, images, **__: [int(image.max()) for image in images]
    )
    reads, error = [], UserError("unreadable")

    def read(path, shape):
        reads.append(path)
        if path == 5:
            raise error
        return np.full(shape, path, np.uint8)

    monkeypatch.setattr("cifarlab.evaluation.image_predictions.read_image", read)
    answers = classify_files(classifier, iter(range(count)))
    first = next(answers)
    assert len(reads) == min(count, BATCH_SIZE), "memory must not grow with the number of images"
    found = [first, *answers]
    assert found[5:6] == [error][: len(found[5:6])]
    assert found[:5] + found[6:] == [(n, n) for n in range(count) if n != 5]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("empty", "must contain images .*found none, but 0 other entries"),
        ("documents", "must contain images .*found none, but 1 other entry"),
        ("-", r"got standard input \(-\). Save the image to a file"),
        ("https://example.org/cat.jpg", "got the URL https://example.org/cat.jpg. Download the image"),
        ("file:///home/me/cat.jpg", "got the URL"),
        ("*.png", r"no file matches \*.png. Check the pattern; the shell expands one only outside quotes"),
        ("photos/img[0-9].jpg", r"no file matches photos/img\[0-9\].jpg"),
        ("~nobody-of-this-name/cat.png", "the home directory in ~nobody-of-this-name/cat.png must be known"),
    ],
)
def test_what_is_not_a_path_to_images_gets_one_line(tmp_path, monkeypatch, given, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "documents").mkdir()
    (tmp_path / "documents" / "a.txt").touch()
    (error,) = find_images([given])
    with pytest.raises(UserError, match=said):
        raise error
    assert "\n" not in str(error)


@pytest.mark.parametrize("name", ["-", "a*.png", "img[0].png", "https:", "a~", "no suffix", "a.b.c"])
def test_a_file_with_such_a_name_is_classified(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).touch()
    assert [str(found) for found in find_images([f"./{name}"])] == [name]


def test_paths_are_given_in_any_form(photos, monkeypatch):
    monkeypatch.setenv("HOME", str(photos.parent))
    monkeypatch.chdir(photos)
    names = [path.name for path in find_images(["~/photos/1.png", "1.png", "deeper", "deeper/", "../photos/deeper"])]
    assert names == ["1.png", "1.png", "3.JPG", "3.JPG", "3.JPG"], "everything that was passed is answered, in order"


NAMES = ["plain.png", "comma, quote\" and 'blank'.png", "line\nbreak.png", "猫.png", os.fsdecode(b"latin-1 \xe9.png")]


def test_programs_get_json_and_csv_for_any_name(tmp_path, capfdbinary, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in NAMES:
        Image.new("RGB", (8, 8), "green").save(name)
    (tmp_path / "broken.png").touch()
    arguments = ["classify", *NAMES, "broken.png"]
    assert cli.main([*arguments, "--json"]) == 2
    out, err = capfdbinary.readouterr()
    rows = [json.loads(line) for line in out.splitlines()]
    assert [os.fsencode(row["path"]) for row in rows] == [os.fsencode(name) for name in NAMES]
    best = rows[0]["predictions"]
    assert [set(found) for found in best] == [{"class", "probability"}] * 3
    assert 1 >= best[0]["probability"] >= best[1]["probability"] >= best[2]["probability"] > 0
    assert err.count(b"\n") == 2, "where the weights come from, and the file that cannot be read"
    assert b"broken.png must be an image" in err

    assert cli.main([*arguments, "--csv"]) == 2
    out, err = capfdbinary.readouterr()
    assert out.startswith(b"path,class_1,probability_1,class_2,probability_2,class_3,probability_3\r\n")
    text = io.StringIO(out.decode("utf-8"), newline="")  # which programs that read CSV expect
    table = list(csv.DictReader(text))
    assert [row["path"] for row in table] == [*NAMES[:-1], r"latin-1 \udce9.png"]
    assert [(row["class_1"], float(row["probability_1"])) for row in table[:1]] == [tuple(best[0].values())]
    assert b"broken.png" not in out


def test_the_command_answers_and_exits_with_2(photos, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    status, out, err = run(capsys, photos / "1.png", photos / "2.jpg", "photos/deeper", "*.gif")
    lines = out.splitlines()[1:]  # the first says that the pretrained weights are used
    assert [line.partition(": ")[0] for line in lines] == [str(photos / "1.png"), "photos/deeper/3.JPG"]
    assert status == 2
    first, second = err.splitlines()
    assert first.startswith(f"cifarlab classify: {photos / '2.jpg'} must be an image")
    assert second.startswith("cifarlab classify: images must be files or directories; no file matches *.gif.")
    assert run(capsys, photos / "1.png")[0] == 0


@pytest.mark.parametrize("flags", [["--json", "--csv"], ["--dataset", "svhn"], ["--dataset", "no such dataset"]])
def test_options_that_do_not_fit_are_one_line(flags, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    try:
        status = cli.main(["classify", "a.png", *flags])
    except SystemExit as error:
        status = error.code
    out, err = capsys.readouterr()
    assert (status, out, err.count("\n")) == (2, "", 1)


def test_two_classes_leave_the_third_pair_empty(tmp_path):
    path, two = tmp_path / "a.png", [Prediction("yes", 0.6), Prediction("no", 0.4)]
    assert csv_line(path, two) == f"{path},yes,0.6,no,0.4,,\r\n"
    assert len(json.loads(json_line(path, two))["predictions"]) == 2
    assert text_line(path, two) == f"{path}: yes 60.0%, no 40.0%\n"


@pytest.mark.parametrize("shape", [[32, 32, 3], [1, 3, 32, 32], [1, 64, 64, 3], [1, 32, 32, 1], [1, 24, 24, 3]])
def test_images_of_another_shape_are_refused(classifier, shape):
    """A larger image used to be answered by its center."""
    with pytest.raises(ImageShapeError, match="images must be"):
        classify(classifier, np.zeros(shape, np.uint8))


def test_find_images_is_lazy():
    assert next(find_images(itertools.repeat("a.png"))).name == "a.png"
