"""Every text file has the encoding that the code names, whatever the locale."""

import ast
from pathlib import Path

import pytest

import cifarlab
from cifarlab.config import TrainConfig

PACKAGE = Path(cifarlab.__file__).parent
BINARY = ("Image.open", "tarfile.open", "os.open", "gzip.open", "zipfile.ZipFile.open")


def modes(call):
    """The constant strings in a call's arguments that look like a mode."""
    values = [*call.args, *(keyword.value for keyword in call.keywords if keyword.arg == "mode")]
    constants = [node.value for value in values for node in ast.walk(value) if isinstance(node, ast.Constant)]
    return [value for value in constants if isinstance(value, str) and set(value) <= set("rwaxbt+")]


def without_encoding(source):
    """The lines of calls that open a text file, or read a program's text, in the encoding of the locale."""
    for call in (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)):
        name, keywords = ast.unparse(call.func), {keyword.arg for keyword in call.keywords}
        last = name.rpartition(".")[2]
        opens = last in ("open", "read_text", "write_text", "fdopen") or (
            last in ("TemporaryFile", "NamedTemporaryFile", "SpooledTemporaryFile") and modes(call)
        )
        if name in BINARY or any("b" in mode for mode in modes(call)):
            opens = False
        text = any(ast.unparse(keyword) in ("text=True", "universal_newlines=True") for keyword in call.keywords)
        positional = last in ("read_text",) and bool(call.args)
        if (opens or text) and not positional and not keywords & {"encoding", None}:
            yield f"{call.lineno}: {ast.unparse(call)}"


def test_every_text_file_names_its_encoding():
    """Otherwise a Windows computer or LC_ALL=C reads other characters (31December99/Unit3Dup#175)."""
    found = [
        f"{path.relative_to(PACKAGE)}:{line}"
        for path in sorted(PACKAGE.rglob("*.py"))
        for line in without_encoding(path.read_text(encoding="utf-8"))
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("open(path)", 1),
        ('open(path, "w")', 1),
        ('open(path, "wb")', 0),
        ('open(path, "ab" if more else "wb")', 0),
        ('path.open(mode="rb")', 0),
        ('path.open(encoding="utf-8")', 0),
        ("path.read_text()", 1),
        ('path.read_text("utf-8")', 0),
        ("path.write_text(text)", 1),
        ('tempfile.TemporaryFile("w+")', 1),
        ("tempfile.TemporaryFile()", 0),
        ("subprocess.run(command, text=True)", 1),
        ("subprocess.run(command)", 0),
        ("message(text=words)", 0),
        ("os.open(path, flags)", 0),
    ],
)
def test_calls_are_told_apart(source, found):
    assert len(list(without_encoding(source))) == found


def test_settings_may_begin_with_a_byte_order_mark(tmp_path):
    """Windows editors write one (Nayjest/Gito#315)."""
    path = tmp_path / "config.json"
    TrainConfig(batch_size=7).save(path)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert TrainConfig.load(path).batch_size == 7
