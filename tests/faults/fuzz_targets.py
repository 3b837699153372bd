"""Fuzz targets: the readers of untrusted files, for Hypothesis and for atheris.

A reader returns valid data or raises a `UserError` with a one-line message. It never raises another exception or hangs.
"""

import dataclasses
import gzip
import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import scipy.io
from PIL import Image

from cifarlab.config import EvalConfig, TrainConfig
from cifarlab.data.dataset import DataSet
from cifarlab.data.image_files import read_image
from cifarlab.data.records import read_labels, read_record, read_records
from cifarlab.data.sources.archive import extract
from cifarlab.data.sources.matlab import open_variable
from cifarlab.data.sources.svhn import read_digits
from cifarlab.errors import UserError
from cifarlab.text import sanitize
from cifarlab.training.run_log import read_log

MEMBERS = {"batches/a.bin": 3, "batches/b.bin": 1000}


class Reader(NamedTuple):
    """A reader and valid files for it.

    Attributes:
        read: reads bytes in an otherwise empty directory and checks the result.
        seeds: creates valid files.
    """

    read: Callable[[Path, bytes], object]
    seeds: Callable[[], list[bytes]]


def tries(name: str, folder: Path, data: bytes) -> bool:
    """Lets a reader read some bytes; returns whether it could."""
    message = ""
    try:
        READERS[name].read(folder, data)
    except UserError as error:
        message = str(error)
    assert sanitize(message) == message, "the message must be one line without control characters"
    assert "MemoryError" not in message, "the file must be rejected before the memory is full"
    return not message


def read_file_of_records(folder: Path, data: bytes) -> None:
    path = folder / "a.bin"
    path.write_bytes(data)
    images, labels = read_records(path)
    assert images.dtype == np.uint8
    assert images.shape == (len(data) // 3073, 32, 32, 3)
    assert labels.dtype == np.int32
    assert labels.max() <= 9
    assert labels.tolist() == read_labels(path).tolist() == list(data[::3073])
    assert read_record(data[:3073])[1] == labels[0]


def records() -> list[bytes]:
    return [bytes([label]) * 3073 for label in (0, 9)] + [bytes(3 * 3073)]


def read_matlab(folder: Path, data: bytes) -> None:
    path = folder / "a.mat"
    path.write_bytes(data)
    for images, labels in read_digits(path):
        assert images.dtype == np.uint8
        assert images.shape == (len(labels), 32, 32, 3)
        assert labels.dtype == np.int32
        assert 0 <= labels.min() <= labels.max() <= 9
    with open_variable(path, "y") as found:
        assert len(found.read(1)) == 1


def matlab_files() -> list[bytes]:
    pixels = np.random.default_rng(0).integers(0, 256, [32, 32, 3, 2], np.uint8)
    labels = np.array([[1], [10]], np.uint8)
    files = []
    for packed in (False, True):
        for variables in ({"X": pixels, "y": labels}, {"note": "text", "y": labels * 1.0, "X": pixels}, {"y": [{}]}):
            file = io.BytesIO()
            scipy.io.savemat(file, variables, do_compression=packed)
            files.append(file.getvalue())
    return files


def read_run_log(folder: Path, data: bytes) -> list[dict]:
    from cifarlab.monitoring.dashboard import fallback
    from cifarlab.monitoring.dashboard.run_monitor import RunMonitor
    from cifarlab.monitoring.dashboard.status import numbers as shown_numbers
    from cifarlab.plotting import runs

    (folder / "log.jsonl").write_bytes(data)
    for event in read_log(folder):
        assert type(event["step"]) is int
        assert type(event["event"]) is str
    monitor = RunMonitor.of_log(str(folder))
    log = monitor.history.events()
    assert all(sanitize(text) == text for pair in shown_numbers(monitor) for text in pair)
    assert all(sanitize(line) == line for line in fallback.summary("runs/a", log))
    for path in (["losses", "total_loss"], ["learning_rate"]):
        steps, numbers = runs.series(log, *path)
        assert len(steps) == len(numbers)
        assert np.isfinite(np.array(numbers, np.float32)).all()
    return log


def draw_run_log(folder: Path, data: bytes) -> None:
    from cifarlab.plotting import figures, runs

    log = read_run_log(folder, data)
    margins = {"left": 0.1, "right": 0.9}  # fixed, because computing the layout would take most of the time
    figure, axes = figures.subplots(2, 3, width=3, height=2, margins=margins)
    for ax, draw in zip(axes, (runs.losses, runs.precision, runs.learning_rate, runs.speed), strict=False):
        draw(ax, log)
    runs.compare(list(axes[4:]), {"a": log, "b": log[:1]})
    assert figures.png(figure).startswith(b"\x89PNG")
    assert len(list(figures.describe(figure))) <= 6


STEP = {
    "event": "step",
    "step": 90,
    "losses": {"total_loss": 2.5, "cross_entropy": 1.5},
    "averaged_losses": {"total_loss": 2.4},
    "learning_rate": 0.1,
    "examples_per_second": 1800.0,
    "seconds_per_batch": 0.07,
    "queue_fill": 20000,
}
EVALUATION = {"event": "evaluation", "step": 100, "raw": 0.31, "averaged": 0.33, "images": 1000}
OTHERS = [
    {"event": "checkpoint", "step": 91, "path": "model.ckpt-91"},
    {"event": "pause", "step": 92, "seconds": 3.5},
    {"event": "learning_rate_factor", "step": 93, "factor": 0.1},
    {"event": "not_finite", "step": 94, "where": "loss"},
]


def lines(*events: object) -> bytes:
    """Formats events as in a log; NaN and infinity as Python writes them."""
    return "".join(json.dumps(event) + "\n" for event in events).encode("utf-8", "surrogatepass")


def run_logs() -> list[bytes]:
    return [lines(STEP, *OTHERS, EVALUATION), lines({**STEP, "step": 0}, {**STEP, "step": 10}, STEP, EVALUATION)]


def read_any_picture(folder: Path, data: bytes) -> None:
    path = folder / "a.png"
    path.write_bytes(data)
    for shape in ((32, 32, 3), (28, 30, 1)):
        picture = read_image(path, shape)
        assert picture.dtype == np.uint8
        assert picture.shape == shape


KINDS = [
    ("PNG", "RGBA", {}), ("PNG", "P", {}), ("PNG", "I;16", {}), ("JPEG", "RGB", {}), ("JPEG", "CMYK", {}),
    ("GIF", "P", {}), ("WEBP", "RGB", {}), ("BMP", "RGB", {}), ("TIFF", "RGB", {}), ("ICO", "RGBA", {}),
    ("TIFF", "RGB", {"compression": "tiff_lzw"}), ("TIFF", "1", {"compression": "group4"}), ("PPM", "RGB", {}),
    ("TIFF", "RGB", {"compression": "jpeg"}), ("TGA", "RGB", {}), ("JPEG2000", "RGB", {}), ("PCX", "RGB", {}),
]  # fmt: skip
"""Format, mode and options of the writer."""


def pictures(size: tuple[int, int] = (10, 12)) -> list[bytes]:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, [*size, 3], np.uint8))
    files = []
    for kind, mode, told in KINDS:
        picture = Image.fromarray(np.full(size, 40_000, np.uint16)) if mode == "I;16" else noise.convert(mode)
        picture.save(file := io.BytesIO(), kind, **told)
        files.append(file.getvalue())
    film = [noise.rotate(90 * turn).convert("P") for turn in range(3)]
    film[0].save(file := io.BytesIO(), "GIF", save_all=True, append_images=film[1:], transparency=0)
    return [*files, file.getvalue()]


def read_archive(folder: Path, data: bytes) -> None:
    archive, out = folder / "a.tar.gz", folder / "out"
    archive.write_bytes(data if data[:2] == b"\x1f\x8b" else gzip.compress(data, 1))
    for file in out.iterdir() if out.exists() else ():
        file.unlink()
    try:
        extract(archive, out, MEMBERS)
        assert {file.name: file.stat().st_size for file in out.iterdir()} == {"a.bin": 3, "b.bin": 1000}
    finally:
        assert {file.name for file in folder.iterdir()} <= {"a.tar.gz", "out", "out.lock"}


def archives() -> list[bytes]:
    files = []
    for layout in (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        with tarfile.open(fileobj=(file := io.BytesIO()), mode="w", format=layout) as tar:
            for name in ("batches/" + "long/" * 25, *MEMBERS):
                info = tarfile.TarInfo(name)
                info.size, info.mtime = MEMBERS.get(name, 0), 1.5
                tar.addfile(info, io.BytesIO(bytes(info.size)))
        files += [file.getvalue(), gzip.compress(file.getvalue(), mtime=0)]
    return files


def read_description(folder: Path, data: bytes) -> None:
    for name in ("train.bin", "test.bin"):
        (folder / name).write_bytes(bytes(3073))
    (folder / "dataset.json").write_bytes(data)
    dataset = DataSet.read_description(folder / "dataset.json")
    dataset.validate()
    assert 1 <= dataset.crop_size <= min(dataset.image_shape[:2])
    assert all(sanitize(name) == name for name in (dataset.name, *dataset.classes))
    dataset.save_description(folder / "again.json")
    assert DataSet.read_description(folder / "again.json").classes == dataset.classes
    if dataset.train_files:
        assert dataset.class_counts("train").sum() == dataset.num_examples("train")


DESCRIPTION = {
    "name": "letters",
    "classes": ["a", "b"],
    "image_shape": [32, 32, 3],
    "crop_size": 24,
    "train_files": ["train.bin"],
    "test_files": ["test.bin"],
}


def read_settings(folder: Path, data: bytes) -> None:
    (folder / "config.json").write_bytes(data)
    for kind in (TrainConfig, EvalConfig):
        assert isinstance(kind.load(folder / "config.json"), kind)


def settings() -> list[bytes]:
    return [json.dumps(dataclasses.asdict(kind())).encode() for kind in (TrainConfig, EvalConfig)]


READERS = {
    "records": Reader(read_file_of_records, records),
    "MATLAB": Reader(read_matlab, matlab_files),
    "run log": Reader(read_run_log, run_logs),
    "drawn run log": Reader(draw_run_log, run_logs),
    "picture": Reader(read_any_picture, pictures),
    "archive": Reader(read_archive, archives),
    "description": Reader(read_description, lambda: [json.dumps(DESCRIPTION).encode()]),
    "settings": Reader(read_settings, settings),
}
"""The fuzz targets by name."""
