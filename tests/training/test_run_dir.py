"""What may be the directory of a run."""

import pytest

from cifarlab.config import ConfigError, TrainConfig
from cifarlab.training.run_dir import prepare_run_dir


@pytest.mark.parametrize(
    ("files", "refused"),
    [
        (["1.jpg"], True),
        (["cat/1.JPG", "dog/2.png"], True),
        (["train/cat/1.png", "train/dog/1.png"], True),
        (["Training/cat/1.png", "Training/dog/1.png", "notes.txt"], True),
        (["cat/1.heic", "dog/1.heic"], True),
        (["data_batch_1.bin"], True),
        (["train.bin", "test.bin"], True),
        (["notes.txt"], False),
        (["figures/1.png"], False),
        ([".cache/1.png", "cat/1.txt", "dog/1.txt"], False),
        ([], False),
    ],
)
def test_a_run_is_not_written_among_images(tmp_path, files, refused):
    for name in files:
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).touch()
    before = sorted(tmp_path.rglob("*"))
    if not refused:
        assert prepare_run_dir(TrainConfig(train_dir=str(tmp_path))) == tmp_path
        return
    found = "|".join(files)
    with pytest.raises(ConfigError, match=f"must not be a directory of images .* contains .*/({found})"):
        prepare_run_dir(TrainConfig(train_dir=str(tmp_path)))
    assert sorted(tmp_path.rglob("*")) == before
    TrainConfig().save(tmp_path / "config.json")  # a run whose directory got figures later, or a copy of its dataset
    assert prepare_run_dir(TrainConfig(train_dir=str(tmp_path))) == tmp_path
