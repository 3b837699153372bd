import io
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from cifarlab.config import TrainConfig
from cifarlab.data.pipeline import inputs
from cifarlab.data.records import read_records
from cifarlab.evaluation.precision import predictions
from cifarlab.evaluation.prediction import (
    PictureError,
    classify,
    export,
    read_picture,
    trained_classifier,
)
from cifarlab.training.loop import train


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory, drawn):
    folder = tmp_path_factory.mktemp("run")
    train(TrainConfig(dataset="drawn", train_dir=str(folder), max_steps=3, batch_size=16), dataset=drawn)
    return folder


@pytest.fixture(scope="module")
def pictures(drawn):
    return read_records(drawn.test_files[0])[0][:5]


def test_raw_pictures_get_the_logits_of_evaluation(run_dir, drawn, pictures):
    classifier = trained_classifier(run_dir)
    expected, _ = predictions(classifier.network, inputs(drawn, num_examples=5))
    np.testing.assert_allclose(classifier.logits(pictures).numpy(), expected, atol=1e-5)


def test_guesses_are_the_most_probable_classes_best_first(run_dir, pictures):
    classifier = trained_classifier(run_dir)
    logits = classifier.logits(pictures).numpy()
    for guesses, row in zip(classify(classifier, pictures, top=10), logits, strict=True):
        assert guesses[0].name == classifier.dataset.classes[row.argmax()]
        probabilities = [guess.probability for guess in guesses]
        assert probabilities == sorted(probabilities, reverse=True)
        assert sum(probabilities) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("count", [1, 5])
def test_an_exported_network_takes_any_batch_in_a_process_without_cifarlab(run_dir, pictures, tmp_path, count):
    classifier = trained_classifier(run_dir)
    folder = export(classifier, tmp_path / "model")
    np.save(tmp_path / "pictures.npy", pictures[:count])
    code = (
        "import sys, numpy as np, tensorflow as tf\n"
        f"serve = tf.saved_model.load({str(folder)!r}).signatures['serving_default']\n"
        f"out = serve(images=tf.constant(np.load({str(tmp_path / 'pictures.npy')!r})))\n"
        f"np.savez({str(tmp_path / 'out.npz')!r}, **out)\n"
        "assert not any(name.startswith('cifarlab') for name in sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    out = np.load(tmp_path / "out.npz")
    np.testing.assert_allclose(out["logits"], classifier.logits(pictures[:count]).numpy(), atol=1e-5)
    np.testing.assert_allclose(out["probabilities"].sum(1), 1, atol=1e-5)
    names = (folder / "assets.extra" / "classes.txt").read_text().split()
    assert tuple(names) == classifier.dataset.classes


def test_export_overwrites_nothing(run_dir, tmp_path):
    (tmp_path / "mine").write_text("")
    with pytest.raises(ValueError, match="new or an empty folder"):
        export(trained_classifier(run_dir), tmp_path)


def saved(tmp_path, picture, name, **kwargs):
    path = tmp_path / name
    picture.save(path, **kwargs)
    return path


RED = (255, 0, 0)


@pytest.mark.parametrize(
    ("mode", "colour", "name"),
    [
        ("RGB", RED, "a.png"),
        ("RGB", RED, "a.bmp"),
        ("RGB", RED, "a.webp"),
        ("RGBA", (*RED, 255), "a.png"),
        ("CMYK", (0, 255, 255, 0), "a.tiff"),
        ("P", None, "a.gif"),
    ],
)
def test_pictures_of_any_kind_become_rgb(tmp_path, mode, colour, name):
    picture = Image.new("RGB", (50, 40), RED).convert("P") if mode == "P" else Image.new(mode, (50, 40), colour)
    array = read_picture(saved(tmp_path, picture, name))
    assert array.shape == (32, 32, 3)
    assert array.dtype == np.uint8
    np.testing.assert_allclose(array.reshape(-1, 3), np.broadcast_to(RED, (1024, 3)), atol=3)


def test_transparent_is_white_and_grey_is_grey(tmp_path):
    assert (read_picture(saved(tmp_path, Image.new("RGBA", (9, 9), (0, 0, 0, 0)), "t.png")) == 255).all()
    assert (read_picture(saved(tmp_path, Image.new("L", (9, 9), 77), "g.png")) == 77).all()


def test_sixteen_bit_grey_is_scaled_and_not_cut_off(tmp_path):
    ramp = np.linspace(0, 65535, 32).astype(np.uint16)[None].repeat(32, 0)
    array = read_picture(saved(tmp_path, Image.fromarray(ramp), "ramp.png"))
    np.testing.assert_allclose(array[0, :, 0], np.linspace(0, 255, 32), atol=1.5)


def test_the_middle_of_an_oblong_picture_is_kept(tmp_path):
    wide = Image.new("RGB", (96, 32), RED)
    wide.paste((0, 255, 0), (32, 0, 64, 32))
    array = read_picture(saved(tmp_path, wide, "wide.png"))
    assert (array == (0, 255, 0)).all()


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (32, 32), (333, 7)])
def test_any_size(tmp_path, size):
    assert read_picture(saved(tmp_path, Image.new("RGB", size), "a.png")).shape == (32, 32, 3)


def test_a_picture_of_the_right_size_is_taken_as_it_is(tmp_path, pictures):
    path = saved(tmp_path, Image.fromarray(pictures[0]), "a.png")
    assert (read_picture(path) == pictures[0]).all()


def test_the_first_picture_of_an_animation_counts(tmp_path):
    first, second = (Image.new("RGB", (32, 32), c) for c in (RED, (0, 0, 255)))
    path = tmp_path / "a.gif"
    first.save(path, save_all=True, append_images=[second])
    np.testing.assert_allclose(read_picture(path)[0, 0], RED, atol=3)


def test_a_photo_is_turned_as_its_camera_says(tmp_path):
    photo = Image.new("RGB", (32, 32), RED)
    photo.paste((0, 255, 0), (0, 0, 32, 16))  # green above
    exif = Image.Exif()
    exif[0x0112] = 3  # the camera was upside down
    buffer = io.BytesIO()
    photo.save(buffer, "PNG", exif=exif)
    (tmp_path / "p.png").write_bytes(buffer.getvalue())
    array = read_picture(tmp_path / "p.png")
    assert array[-1, 0].tolist() == [0, 255, 0]


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n" + bytes(40)])
def test_what_is_no_picture_is_one_clear_line(tmp_path, content):
    path = tmp_path / "odd.png"
    path.write_bytes(content)
    with pytest.raises(PictureError, match=r"odd\.png should be a picture") as error:
        read_picture(path)
    assert "\n" not in str(error.value)


def test_missing_folder_and_half_a_picture(tmp_path):
    with pytest.raises(PictureError, match="no such file"):
        read_picture(tmp_path / "none.png")
    with pytest.raises(PictureError):
        read_picture(tmp_path)
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, [64, 64, 3], np.uint8))
    path = saved(tmp_path, noise, "half.png")
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(PictureError, match="cannot be read"):
        read_picture(path)


def test_a_picture_that_would_fill_the_memory_is_refused(tmp_path):
    import struct
    import zlib

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000)))
    (tmp_path / "bomb.png").write_bytes(bomb + chunk(b"IEND", b""))
    with pytest.raises(PictureError):
        read_picture(tmp_path / "bomb.png")
