"""Standard streams that are closed, full or gone, and what that means for the exit status."""

import contextlib
import errno
import io
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest
from PIL import Image

from cifarlab import cli
from cifarlab.data.dataset import DataSet
from cifarlab.data.registry import load
from cifarlab.data.sources.download import Progress
from cifarlab.errors import OutputError
from cifarlab.monitoring.console import DownloadProgressBar, echo

PROGRAM = """
import sys
from cifarlab import streams

def main():
    kind = sys.argv[1]
    if kind == "print":
        print("the result")
    elif kind == "error":
        streams.write_error("what is wrong")
        return 2
    elif kind == "exit":
        print("usage")
        raise SystemExit(0)
    elif kind == "train":
        with streams.lossy_stdout() as lost:
            for step in range(3):
                print(f"step {step}", flush=True)
        open(sys.argv[2], "w", encoding="utf-8").write("saved")
        return 1 if lost() else 0
    elif kind == "file":
        with open(sys.argv[2], "w", encoding="utf-8") as file:
            import os
            for number in (1, 2):
                try:
                    os.write(number, b"from TensorFlow")
                except OSError:
                    pass
            file.write("data")
    return 0

sys.exit(streams.run(main))
"""
"""A program with cifarlab's streams that imports nothing else, so that each run takes a tenth of a second."""


def run(redirect, *arguments):
    """Runs the program in a shell with a redirection; returns status, stdout and stderr."""
    command = f'"$0" -c "$PROGRAM" {" ".join(map(str, arguments))} {redirect}'
    done = subprocess.run(
        ["/bin/sh", "-c", command, sys.executable],
        env={**os.environ, "PROGRAM": PROGRAM, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONUNBUFFERED": ""},
        capture_output=True,
        encoding="utf-8",
        timeout=60,
    )
    return done.returncode, done.stdout, done.stderr


FULL = "cifarlab: standard output must be writable; it is not (No space left on device).\n"
CLOSED = "cifarlab: standard output must be writable; it is not (it is closed).\n"


@pytest.mark.parametrize(
    ("kind", "redirect", "status", "out", "err"),
    [
        ("print", "", 0, "the result\n", ""),
        ("print", "<&-", 0, "the result\n", ""),
        ("print", "2>&-", 0, "the result\n", ""),
        ("print", "<&- 2>&-", 0, "the result\n", ""),
        ("print", ">&-", 1, "", CLOSED),
        ("print", ">&- 2>&-", 1, "", ""),
        ("print", "<&- >&- 2>&-", 1, "", ""),
        ("print", ">/dev/full", 1, "", FULL),
        ("print", "2>/dev/full", 0, "the result\n", ""),
        ("print", ">/dev/full 2>&1", 1, "", ""),
        ("print", ">/dev/null", 0, "", ""),
        ("exit", ">/dev/full", 1, "", FULL),
        ("exit", ">&-", 1, "", CLOSED),
        ("error", "", 2, "", "what is wrong\n"),
        ("error", "2>&-", 2, "", ""),
        ("error", "2>/dev/full", 2, "", ""),
        ("error", ">&- 2>&-", 2, "", ""),
    ],
)
def test_a_result_that_cannot_be_printed_is_no_success(kind, redirect, status, out, err):
    """pixelb/crudini#82"""
    assert run(redirect, kind) == (status, out, err)


@pytest.mark.parametrize(
    ("redirect", "status", "reason"),
    [
        ("", 0, ""),
        ("2>&-", 0, ""),
        (">&-", 1, "it is closed"),
        (">/dev/full", 1, "No space left on device"),
        (">/dev/full 2>/dev/full", 1, ""),
        ("<&- >&- 2>&-", 1, ""),
    ],
)
def test_training_goes_on_without_its_console(tmp_path, redirect, status, reason):
    got, out, err = run(redirect, "train", tmp_path / "model")
    assert (tmp_path / "model").read_text(encoding="utf-8") == "saved"
    assert got == status
    assert out == ("step 0\nstep 1\nstep 2\n" if not status else "")
    assert err == (
        f"cifarlab: standard output cannot be written ({reason}); training continues without it, and the exit status "
        "will be 1.\n"
        if reason
        else ""
    )


def test_training_goes_on_after_its_reader_has_exited(tmp_path):
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, "train", str(tmp_path / "model")],
        stdout=writer,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        encoding="utf-8",
    )
    os.close(writer)
    assert (tmp_path / "model").exists()
    assert done.returncode == 1
    assert "(Broken pipe); training continues" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("redirect", ["2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_no_file_takes_the_place_of_a_closed_stream(tmp_path, redirect):
    """TensorFlow writes to descriptor 2, which could be a checkpoint otherwise."""
    run(redirect, "file", tmp_path / "checkpoint")
    assert (tmp_path / "checkpoint").read_text(encoding="utf-8") == "data"


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "ascii:strict", "utf-8"])
def test_names_that_a_stream_cannot_express_are_escaped(encoding):
    code = "import sys\nfrom cifarlab import streams\nsys.exit(streams.run(lambda: print('b\\u00fcch\\u732b') or 0))"
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True)
    expected = {"latin-1": b"b\xfcch\\u732b", "utf-8": "b\u00fcch\u732b".encode()}.get(encoding, b"b\\xfcch\\u732b")
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, expected, b"")


class FullStream(io.StringIO):
    def write(self, text):
        raise OSError(errno.ENOSPC, "No space left on device")


def test_echo_says_in_one_line_that_it_cannot_print():
    with contextlib.redirect_stdout(FullStream()), pytest.raises(OutputError) as error:
        echo("a result")
    assert str(error.value) == (
        "standard output must be writable; it is not (No space left on device). Redirect it to a disk with space, and "
        "run the command again."
    )


@pytest.mark.parametrize(("columns", "width"), [("40", 39), ("80", 79), ("300", 79), ("1", 1), ("0", 79), ("x", 79)])
def test_the_progress_bar_fits_the_terminal(monkeypatch, columns, width):
    """A longer line would wrap, and the next one could not overwrite it."""

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setenv("COLUMNS", columns)
    with contextlib.redirect_stdout(Terminal()) as terminal:
        DownloadProgressBar()(Progress("cifar-10-binary.tar.gz", 5_000_000, 170_000_000, 1e6))
    line = terminal.getvalue()
    assert line.startswith("\r")
    assert len(line.strip("\r\n")) == width


@pytest.mark.parametrize("command", ["data", "export"])
def test_a_command_whose_work_is_done_says_so(tmp_path, monkeypatch, capsys, command):
    """To run an export again would be refused, because the directory is no longer empty."""
    monkeypatch.chdir(tmp_path)
    for number in range(8):
        path = tmp_path / "photos" / ("cat", "dog")[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (9, 9), (number, 0, 0)).save(path)
    classifier = SimpleNamespace(dataset=DataSet("letters", ("a", "b")))
    monkeypatch.setattr(cli, "_classifier", lambda options: classifier)
    monkeypatch.setattr("cifarlab.evaluation.classifier.export", lambda classifier, directory: directory)
    monkeypatch.setattr("sys.stdout", FullStream())
    arguments = {"data": ["photos", "--as", "pets"], "export": ["model"]}[command]
    done = {"data": f"the dataset is complete in {tmp_path}/pets", "export": "the SavedModel was written to model"}
    assert cli.main([command, *arguments]) == 2
    assert capsys.readouterr().err == (
        f"cifarlab {command}: {done[command]}, but standard output must be writable; it is not (No space left on "
        "device). Do not run the command again.\n"
    )
    assert command == "export" or load("pets").classes == ("cat", "dog")
