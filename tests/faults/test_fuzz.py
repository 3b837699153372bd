"""Fuzz tests of the readers of untrusted files, with bytes and values changed at random."""

import base64
import importlib.util
import json
import os
import re
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from cifarlab.data.custom import from_folder
from cifarlab.errors import UserError
from cifarlab.text import sanitize
from tests.faults import fuzz_targets
from tests.faults.fuzz_targets import READERS, lines, tries
from tests.faults.strategies import LEAVES, briefly, changed_bytes, json_values

pytestmark = [pytest.mark.slow, pytest.mark.full]

ROOT = Path(__file__).parents[2]

SECONDS = 600
"""The time that atheris gets per reader, in seconds."""


@pytest.fixture
def could(tmp_path, soak, count_trial):
    """Lets a reader read many files; returns how many of them it could read."""

    def read_all(name: str, files: st.SearchStrategy[bytes], examples: int) -> int:
        read = []

        @briefly(soak, examples)
        @given(files)
        def read_one(data):
            read.append(tries(name, tmp_path, data))
            count_trial()

        read_one()
        return sum(read)

    return read_all


@pytest.mark.fault(promise="fuzzed readers", injection="records: bytes and lengths")
def test_records(could):
    files = st.one_of(map(changed_bytes, fuzz_targets.records())) | st.binary(max_size=100)
    assert could("records", files, 200) > 5


def packed_again(whole: bytes) -> st.SearchStrategy[bytes]:
    """A MATLAB file with its first variable changed and compressed again; changed compressed data is mostly invalid."""
    length = struct.unpack("<I", whole[132:136])[0]
    inside = zlib.decompress(whole[136 : 136 + length])

    def pack(changed: bytes) -> bytes:
        data = zlib.compress(changed, 1)
        return whole[:128] + struct.pack("<II", 15, len(data)) + data + whole[136 + length :]

    return changed_bytes(inside, 80).map(pack)


@pytest.mark.fault(promise="fuzzed readers", injection="MATLAB files, compressed and uncompressed")
def test_matlab_files(could):
    plain, plain_labels, other, packed, packed_labels, _ = fuzz_targets.matlab_files()
    files = st.one_of(changed_bytes(plain, 260), changed_bytes(plain_labels, 500), changed_bytes(packed, 160))
    again = st.one_of(packed_again(packed), packed_again(packed_labels), changed_bytes(other))
    assert could("MATLAB", files | again, 600) > 20


EVENTS = st.one_of(
    json_values(fuzz_targets.STEP),
    json_values(fuzz_targets.EVALUATION),
    *map(json_values, fuzz_targets.OTHERS),
    st.builds(
        lambda step, values: {"event": "step", "step": step, "losses": values, "averaged_losses": values},
        st.integers(0, 1000) | LEAVES,
        st.dictionaries(st.just("total_loss"), LEAVES, min_size=1),
    ),
)
WORDS = [
    b"[" * 100_000, b'{"event":' * 50_000, b"\xff\xfe", b"\0", b"9" * 5000, b"NaN", b"-Infinity",
    b'{"event": "step", "step": 1, "step": 2, "losses": {"total_loss": 1, "total_loss": []}}',
    b'{"event": "step", "step": 1e400}', b'{"event": "step", "step": 5, "losses": ' + b"[" * 900 + b"]" * 900 + b"}",
    b'{"event": "step", "ste', b'{"event": "step", "step": 3, "learning_rate": 9' + b"9" * 4000 + b"}",
]  # fmt: skip
LINES = EVENTS.map(lines) | st.sampled_from(WORDS).map(lambda line: line + b"\n")


VALUES = [
    None,
    True,
    "a",
    "1",
    [],
    [1],
    {},
    {"total_loss": 1},
    -1,
    0,
    10**400,
    1e308,
    -1e308,
    float("nan"),
    float("inf"),
]


@pytest.mark.fault(promise="fuzzed readers", injection="run logs, and the figures and lines made from them")
def test_any_value_in_the_place_of_a_number(tmp_path, count_trial):
    logs = []
    for known in (fuzz_targets.STEP, fuzz_targets.EVALUATION):
        for name in known.keys() - {"event", "step"}:
            for value in VALUES:
                logs += [lines({**known, name: value}), lines({**known, name: {"total_loss": value}})]
    for log in logs:
        assert tries("run log", tmp_path, log)
        count_trial()
    assert tries("drawn run log", tmp_path, b"".join(logs))


@pytest.mark.fault(promise="fuzzed readers", injection="run logs, and the figures and lines made from them")
def test_run_logs(could):
    files = st.lists(LINES, max_size=8).map(b"".join) | changed_bytes(fuzz_targets.run_logs()[0], 500)
    assert could("drawn run log", files, 25) >= 25, "a log is never rejected: invalid lines are skipped"


@pytest.mark.fault(promise="fuzzed readers", injection="images in seventeen formats")
def test_pictures(could):
    assert could("picture", st.one_of([changed_bytes(whole, 100) for whole in fuzz_targets.pictures()]), 600) > 50


@pytest.mark.fault(promise="fuzzed readers", injection="archives")
def test_archives(could):
    assert could("archive", st.one_of([changed_bytes(whole, 2000) for whole in fuzz_targets.archives()]), 200) > 5


@pytest.mark.fault(promise="fuzzed readers", injection="descriptions of datasets")
def test_descriptions(could):
    def as_bytes(value: object) -> bytes:
        return json.dumps(value).encode()

    files = json_values(fuzz_targets.DESCRIPTION).map(as_bytes) | st.sampled_from(WORDS)
    assert could("description", files | changed_bytes(as_bytes(fuzz_targets.DESCRIPTION)), 300) > 5


@pytest.mark.fault(promise="fuzzed readers", injection="settings of runs")
def test_settings(could):
    known = [json.loads(whole) for whole in fuzz_targets.settings()]
    files = st.one_of(map(json_values, known)).map(lambda value: json.dumps(value).encode()) | st.sampled_from(WORDS)
    could("settings", files | st.one_of(map(changed_bytes, fuzz_targets.settings())), 300)


NAMES = st.sampled_from(
    ["a", "b", "train", "test", ".a", "_", "a\n", "\x1b]0;owned\x07", "\udcff", "\u202ea", "<b>", "$x$", "猫", " "]
)  # fmt: skip
THINGS = st.sampled_from(["picture", "picture", "picture", "half", "text", "empty", "folder", "link", "round", "pipe"])
PLACES = st.lists(NAMES, min_size=1, max_size=3).map(tuple)
LAYOUTS = st.dictionaries(PLACES, st.lists(THINGS, max_size=3), max_size=3)


GOOD = {("a",): ["picture"] * 3, ("b",): ["picture"] * 2}


def put(thing: str, path, number: int) -> None:
    """Creates something where an image might be."""
    if thing == "folder":
        path.mkdir(parents=True)
    elif thing == "link":
        path.symlink_to("nowhere.png")
    elif thing == "round":
        path.symlink_to(path.parent)
    elif thing == "pipe":
        os.mkfifo(path)
    elif thing == "text":
        path.with_suffix(".txt").write_text("no picture")
    else:
        Image.new("RGB", (5, 5), (number * 20, 0, 0)).save(path)
        path.write_bytes(path.read_bytes()[: {"half": 40, "empty": 0}.get(thing)])


@pytest.mark.fault(promise="fuzzed readers", injection="directories of images that contain anything else")
def test_folders(tmp_path, soak, count_trial):
    read = []

    @briefly(soak, 60, 20)
    @given(LAYOUTS)
    def read_one(layout):
        home = tmp_path / str(len(read))
        for part, folders in enumerate((GOOD, layout)):
            for folder, things in folders.items():
                home.joinpath(*folder).mkdir(parents=True, exist_ok=True)
                for number, thing in enumerate(things):
                    put(thing, home.joinpath(*folder, f"{part}{number}.png"), number)
        message = ""
        try:
            dataset = from_folder(home, tmp_path / "records", size=8)
        except UserError as error:
            message = str(error)
        else:
            dataset.validate()
            assert all(sanitize(name) == name for name in dataset.classes)
        assert sanitize(message) == message
        read.append(not message)
        count_trial()

    read_one()
    assert 5 < sum(read) < len(read)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(
            "records", marks=pytest.mark.fault(promise="fuzzed readers", injection="records: bytes and lengths")
        ),
        pytest.param(
            "MATLAB",
            marks=pytest.mark.fault(promise="fuzzed readers", injection="MATLAB files, compressed and uncompressed"),
        ),
        pytest.param(
            "run log",
            marks=pytest.mark.fault(
                promise="fuzzed readers", injection="run logs, and the figures and lines made from them"
            ),
        ),
        pytest.param(
            "picture", marks=pytest.mark.fault(promise="fuzzed readers", injection="images in seventeen formats")
        ),
        pytest.param("archive", marks=pytest.mark.fault(promise="fuzzed readers", injection="archives")),
        pytest.param(
            "description", marks=pytest.mark.fault(promise="fuzzed readers", injection="descriptions of datasets")
        ),
        pytest.param("settings", marks=pytest.mark.fault(promise="fuzzed readers", injection="settings of runs")),
    ],
)
def test_atheris_finds_nothing(tmp_path, soak, count_trial, name):
    """Its earlier finding has a separate test: `test_invalid_extended_header_is_reported_or_skipped`."""
    if not soak:
        pytest.skip("takes ten minutes; make soak")
    if not importlib.util.find_spec("atheris"):
        pytest.skip("atheris is not installed: pip install atheris, which has wheels for Linux and some Pythons")
    (corpus := tmp_path / "corpus").mkdir()
    for number, whole in enumerate(READERS[name].seeds()):
        (corpus / str(number)).write_bytes(whole)
    flags = [f"-max_total_time={SECONDS}", "-timeout=30", "-rss_limit_mb=3000", f"-artifact_prefix={tmp_path}/"]
    command = [sys.executable, "-m", "tests.faults.fuzz_atheris", name, str(corpus), *flags]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, errors="replace", timeout=SECONDS + 300)
    found = {path.name: base64.b64encode(path.read_bytes()).decode() for path in tmp_path.iterdir() if path.is_file()}
    assert done.returncode == 0, f"{found}\n{done.stderr[-5000:]}"
    assert not found
    count_trial(int(re.search(r"Done (\d+) runs", done.stderr)[1]))
