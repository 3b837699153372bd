"""A small file written whole or not at all."""

from pathlib import Path


def replace_text(path: Path, text: str) -> None:
    """Writes a file beside its place and moves it there, so that a kill leaves the old one or the new.

    Args:
        path: its folder is there.
        text: all that the file holds.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "a.json"
    >>> replace_text(path, "{}")
    >>> [file.name for file in path.parent.iterdir()]
    ['a.json']
    """
    beside = path.with_name(path.name + ".part")
    try:
        beside.write_text(text)
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
