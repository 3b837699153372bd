import numpy as np
import pytest

from cifarlab.data import holdout
from cifarlab.data.dataset import DataSet, DataSetError
from cifarlab.data.holdout import hold_out
from cifarlab.data.records import read_records, write_records
from cifarlab.data.registry import load


@pytest.fixture
def numbered(tmp_path):
    """Returns a dataset with 2,500 training images in two files; the pixels of an image are its index modulo 251."""
    places = np.arange(2_500)
    images = np.broadcast_to((places % 251).astype(np.uint8)[:, None, None, None], [2_500, 4, 4, 1])
    files = [tmp_path / "a.bin", tmp_path / "b.bin"]
    for file, part in zip(files, (slice(0, 1_700), slice(1_700, 2_500)), strict=True):
        write_records(file, images[part], places[part] % 10)
    write_records(tmp_path / "t.bin", images[:10], places[:10] % 10)
    return DataSet("numbered", tuple("0123456789"), tuple(files), (tmp_path / "t.bin",), (4, 4, 1), 4)


@pytest.mark.parametrize("examples", [1, 300, 800, 900, 2_499])
def test_the_last_images_are_held_out_and_none_are_lost(numbered, tmp_path, examples):
    held = hold_out(numbered, tmp_path / "held", examples)
    parts = [read_records(held.files(split)[0], (4, 4, 1)) for split in ("train", "test")]
    assert [len(labels) for _, labels in parts] == [2_500 - examples, examples]
    places = np.concatenate([images[:, 0, 0, 0] for images, _ in parts])
    assert (places == np.arange(2_500) % 251).all()
    assert (np.concatenate([labels for _, labels in parts]) == np.arange(2_500) % 10).all()
    assert load(str(tmp_path / "held")) == held
    assert (held.name, held.crop_size, held.classes) == ("numbered_held_out", 4, numbered.classes)


@pytest.mark.parametrize("examples", [0, -1, 2_500, 9_999])
def test_no_or_all_images_cannot_be_held_out(numbered, tmp_path, examples):
    with pytest.raises(DataSetError, match="from 1 to 2,499 of 2,500 training images"):
        hold_out(numbered, tmp_path / "held", examples)
    assert not (tmp_path / "held").exists()


def test_output_dir_must_not_contain_the_dataset(numbered, tmp_path):
    held = hold_out(numbered, tmp_path / "held", 300)
    before = held.train_files[0].read_bytes()
    with pytest.raises(DataSetError, match="output_dir must not contain the files of numbered_held_out"):
        hold_out(held, tmp_path / "held", 100)
    assert held.train_files[0].read_bytes() == before


def test_an_interruption_leaves_nothing_that_the_next_attempt_refuses(numbered, tmp_path, monkeypatch):
    written = holdout.write_batches

    def interrupted(path, batches):
        if path.name == "held_out.bin":
            raise KeyboardInterrupt
        return written(path, batches)

    monkeypatch.setattr(holdout, "write_batches", interrupted)
    with pytest.raises(KeyboardInterrupt):
        hold_out(numbered, tmp_path / "held", 300)
    assert not any((tmp_path / "held").iterdir())
    monkeypatch.undo()
    assert hold_out(numbered, tmp_path / "held", 300).num_examples("test") == 300
