import hashlib
import subprocess
import sys

import numpy as np
import pytest
import scipy.io
import scipy.ndimage

from cifarlab.data.sources import street_digits
from cifarlab.data.sources._drawing import numerals, walls
from cifarlab.data.sources.svhn import read_digits

pytestmark = pytest.mark.slow

ATLAS = "55e75253b4eea95024c874968da738c3a477d3eccdf6b94bd81429e88489df6e"
FIRST_200 = "ee890dc619baf29732d841cd0bf4db5e4da111de54cf0fb4b4f549375db222a8"
LABELS = np.arange(40) % 10
NAMES = ["test_32x32.mat", "train_32x32.mat"]
SVHN_COUNTS = [4948, 13861, 10585, 8497, 7458, 6882, 5727, 5595, 5045, 4659]  # training images of the digits 0 to 9


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Returns the directory of a small dataset, and its training and test images with labels."""
    folder, drawn = tmp_path_factory.mktemp("street"), []

    def noting(labels, seed, draw=street_digits.draw):
        drawn.append((draw(labels, seed), labels))
        return drawn[-1][0]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(street_digits, "draw", noting)
        street_digits.write_files(folder, train=150, test=60, seed=3)
    return folder, drawn


@pytest.fixture(scope="module")
def many():
    """Returns 1,500 and 500 images with labels; all digits are equally frequent."""
    return [(street_digits.draw(np.arange(n) % 10, seed=[5, n]), np.arange(n) % 10) for n in (1_500, 500)]


def gray(images):
    return images.astype(np.float32).mean(axis=-1)


def test_one_image_per_label():
    images = street_digits.draw(LABELS, seed=0)
    assert images.shape == (40, 32, 32, 3)
    assert images.dtype == np.uint8
    assert street_digits.draw(np.zeros(0, int), seed=0).shape == (0, 32, 32, 3)


def test_the_first_200_images_are_the_same_bytes_on_every_machine():
    if hashlib.sha256(numerals.atlas().cells.tobytes()).hexdigest() != ATLAS:
        pytest.skip(
            "the FreeType in this version of Pillow renders the fonts differently, so the images may differ, too"
        )
    images = street_digits.draw(np.arange(200) % 10, seed=0)
    assert hashlib.sha256(images.tobytes()).hexdigest() == FIRST_200


def test_every_background_is_drawn_without_a_warning_and_no_image_is_blank(monkeypatch):
    """Detects divisions by zero and missing random numbers on rare backgrounds."""
    seen = set()

    def noting(paint):
        return lambda *a: seen.add(paint) or paint(*a)

    monkeypatch.setattr(walls, "GROUNDS", tuple((noting(paint), often) for paint, often in walls.GROUNDS))
    with np.errstate(all="raise", under="ignore"):
        images = street_digits.draw(np.arange(400) % 10, seed=2)
    assert seen == {walls.plain, walls.patch, walls.plate, walls.tiles, walls.bricks, walls.planks}
    assert images.reshape(400, -1).std(axis=1).min() > 5


def holes(cell):
    """Returns the rows of the centers of the holes in a digit; the atlas has 96 rows."""
    parts, count = scipy.ndimage.label(
        cell >= 128, np.ones([3, 3])
    )  # diagonal neighbors are connected, so that thin lines make no holes
    return [row for row, _ in scipy.ndimage.center_of_mass(parts > 0, parts, range(2, count + 1))]


@pytest.mark.parametrize("face", range(len(numerals.FACES)), ids=lambda face: "-".join(numerals.FACES[face][:2]))
def test_every_font_has_its_ten_digits_in_order(face):
    atlas = numerals.atlas()
    found = [holes(atlas.cells[place]) for place in atlas.places[face]]
    assert [len(rows) for rows in found] == [1, 0, 0, 0, 1, 0, 1, 0, 2, 1]
    assert found[9][0] < 48 < found[6][0]


def test_the_forms_of_the_one():
    atlas = numerals.atlas()
    for face, (_, one, _) in enumerate(numerals.FACES):
        ink = atlas.cells[atlas.places[face, 1]] < 128
        rows = np.flatnonzero(ink.any(axis=1))
        stem, foot, wide = ink[rows[len(rows) * 2 // 3]].sum(), ink[rows[-2]].sum(), ink.any(axis=0).sum()
        assert (foot > stem + 2) == (one == "as it is"), numerals.FACES[face]
        assert (wide > stem + 2) == (one != "bar"), numerals.FACES[face]
        assert abs(np.flatnonzero(ink.any(axis=0)).mean() - 47.5) <= 1  # centered in its cell


def test_adjacent_digits_are_at_the_edges_only(monkeypatch):
    """Images with and without adjacent digits differ only near the edges, with the frequency of numbers in SVHN."""
    monkeypatch.setattr(walls, "GROUNDS", ((walls.plain, 1),))
    labels = np.full(400, 1)
    street = gray(street_digits.draw(labels, seed=4))
    monkeypatch.setattr(numerals, "_LENGTHS", (1, 0, 0, 0))
    alone = gray(street_digits.draw(labels, seed=4))
    differ = np.abs(street - alone)
    assert 0.88 < (differ.max(axis=(1, 2)) > 0).mean() < 0.98
    by_column = differ.mean(axis=(0, 1))
    assert by_column[[0, 1, 2, -3, -2, -1]].min() > 8 * by_column[15:17].max()
    left, right = (differ[:, :, part].max(axis=(1, 2)) > 20 for part in (slice(0, 4), slice(-4, None)))
    assert 0.3 < left.mean() < 0.8  # sometimes, but not always, on either side
    assert 0.3 < right.mean() < 0.8


@pytest.fixture
def alone(monkeypatch):
    """Makes all images single digits on plain walls."""
    monkeypatch.setattr(walls, "GROUNDS", ((walls.plain, 1),))
    monkeypatch.setattr(numerals, "_LENGTHS", (1, 0, 0, 0))


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("axis", [1, 0], ids=["mirrored", "upside down"])
def test_digits_are_oriented_as_in_the_fonts(axis):
    """The difference from the background resembles the digit in the fonts more than its mirror image."""
    atlas, line = (
        numerals.atlas(),
        (np.arange(32) - 15.5) * 1.85,
    )  # a digit has 48 rows in the atlas, and 26 of 32 in an image
    rows, columns = np.round(47.5 + line).astype(int), np.round(47.5 + line / 0.72).astype(int)
    right = []
    for digit in (2, 3, 4, 5, 6, 7, 9) if axis else (4, 6, 7, 9):
        font = (atlas.cells[atlas.places[:, digit]] < 128).mean(axis=0)[rows][:, columns]
        images = gray(street_digits.draw(np.full(100, digit), seed=[9, digit]))
        ink = np.abs(images - np.median(images, axis=(1, 2), keepdims=True))
        right.append(((ink * (font - np.flip(font, axis))).sum(axis=(1, 2)) > 0).mean())
    assert np.mean(right) > 0.7


@pytest.mark.usefixtures("alone")
def test_digits_are_equally_often_lighter_and_darker():
    images = gray(street_digits.draw(np.full(400, 8), seed=6))
    edge = np.concatenate([images[:, :, :3], images[:, :, -3:]], axis=2)
    lighter = images[:, 6:26, 12:20].mean(axis=(1, 2)) > edge.mean(axis=(1, 2))
    assert 0.42 < lighter.mean() < 0.58


def slopes(images):
    """Returns histograms of gradients in eight directions on an 8 x 8 grid, float32[N, 512]."""
    down, right = np.gradient(gray(images), axis=(1, 2))
    turn = np.arctan2(down, right) % np.pi * (8 / np.pi)
    parts = np.stack([np.hypot(down, right) * (np.floor(turn) % 8 == way) for way in range(8)], axis=1)
    parts = np.sqrt(parts.reshape(len(images), 8, 8, 4, 8, 4).sum(axis=(3, 5))).reshape(len(images), -1)
    return parts / np.linalg.norm(parts, axis=1, keepdims=True)


def test_digits_can_be_classified_unless_mirrored(many):
    """A nearest-mean classifier recognizes most new digits, but far fewer of their mirror images."""
    (images, labels), (others, answers) = many
    means = np.stack([slopes(images[labels == digit]).mean(axis=0) for digit in range(10)])
    plain, mirrored = (
        (np.linalg.norm(slopes(x)[:, None] - means, axis=2).argmin(axis=1) == answers)
        for x in (others, others[:, :, ::-1])
    )
    assert plain.mean() > 0.65
    assert min(plain[answers == digit].mean() for digit in range(10)) > 0.4
    assert mirrored.mean() < 0.45


def test_files_have_svhns_format_with_ten_for_zero(written):
    folder, drawn = written
    assert sorted(path.name for path in folder.iterdir()) == NAMES
    for name, (images, labels) in zip(reversed(NAMES), drawn, strict=True):
        found = scipy.io.loadmat(folder / name)
        assert {key for key in found if not key.startswith("__")} == {"X", "y"}
        assert (found["X"].dtype, found["X"].shape) == (np.uint8, (32, 32, 3, len(labels)))
        assert (found["y"].dtype, found["y"].shape) == (np.uint8, (len(labels), 1))
        assert (found["X"][..., 5] == images[5]).all()
        assert found["y"].ravel().tolist() == [digit or 10 for digit in labels.tolist()]
        assert 0 in labels


def test_files_can_be_read_back(written):
    folder, drawn = written
    for name, (images, labels) in zip(reversed(NAMES), drawn, strict=True):
        read, digits = (np.concatenate(parts) for parts in zip(*read_digits(folder / name), strict=True))
        assert (read == images).all()
        assert (digits == labels).all()


def test_all_images_differ(written):
    pictures = [image.tobytes() for images, _ in written[1] for image in images]
    assert len(set(pictures)) == len(pictures) == 210


def test_digits_are_as_frequent_as_in_svhn_and_shuffled(written):
    assert np.bincount(street_digits._shuffled_labels(73_257, [0])).tolist() == SVHN_COUNTS
    hundred = np.bincount(street_digits._shuffled_labels(100, [0])).tolist()
    assert hundred == [7, 19, 14, 12, 10, 9, 8, 8, 7, 6]  # of 6.75, 18.92, 14.45, 11.60, 10.18, 9.39, 7.82 ...
    for _, labels in written[1]:
        exact = np.array(SVHN_COUNTS) * len(labels) / 73_257
        assert np.abs(np.bincount(labels, minlength=10) - exact).max() < 1
        assert (np.diff(labels) != 0).mean() > 0.75  # not sorted by digit
        assert len(set(np.diff(labels))) > 10


def test_the_same_seed_writes_the_same_files(written, tmp_path):
    street_digits.write_files(tmp_path, train=150, test=60, seed=3)
    assert all((tmp_path / name).read_bytes() == (written[0] / name).read_bytes() for name in NAMES)


def test_training_and_test_images_have_separate_random_streams(tmp_path):
    street_digits.write_files(tmp_path, train=60, test=60)
    (images, labels), (others, answers) = (next(read_digits(tmp_path / name)) for name in NAMES)
    assert (labels != answers).any()
    assert not {image.tobytes() for image in images} & {image.tobytes() for image in others}


def test_another_seed_writes_other_images_in_another_order(written, tmp_path):
    street_digits.write_files(tmp_path, train=150, test=60, seed=4)
    old = {image.tobytes() for images, _ in written[1] for image in images}
    for name, (_, labels) in zip(reversed(NAMES), written[1], strict=True):
        images, digits = next(read_digits(tmp_path / name))
        assert not old & {image.tobytes() for image in images}
        assert (digits != labels).any()


def test_a_failed_write_leaves_the_older_file(tmp_path, monkeypatch):
    street_digits.write_files(tmp_path, train=10, test=10)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def full_disk(file, *_, **__):
        file.write(b"half")
        raise OSError("no space left on device")

    monkeypatch.setattr(scipy.io, "savemat", full_disk)
    with pytest.raises(OSError, match="no space"):
        street_digits.write_files(tmp_path, train=10, test=10, seed=1)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([3, 10], r"0 to 9.*label 1 is 10 \(1 such"),
        ([-1, 3], "label 0 is -1"),
        ([1.0, 2.0], r"integers.*got float64\[2\]"),
        ([[1, 2]], r"one axis.*got int64\[1, 2\]"),
        (["7"], "integers"),
    ],
)
def test_invalid_labels_are_refused(labels, message):
    with pytest.raises(ValueError, match=message) as caught:
        street_digits.draw(labels, seed=0)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("sizes", [{"train": 0}, {"test": -1}])
def test_files_without_images_are_refused(tmp_path, sizes):
    with pytest.raises(ValueError, match="must be at least 1; got train="):
        street_digits.write_files(tmp_path, **sizes)
    assert list(tmp_path.iterdir()) == []


def test_importing_it_loads_nothing_heavy():
    code = "import sys, cifarlab.data.sources.street_digits as s; s.draw; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"tensorflow", "matplotlib", "scipy", "PIL"} & set(loaded)
