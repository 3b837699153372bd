"""Writes the zip file that Gradescope builds an autograder from: `python -m tools.gradescope_zip 01_softmax`.

It contains the scripts in docs/platforms/gradescope, this version of cifarlab, and one released exercise.
"""

import argparse
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
SCRIPTS = ROOT / "docs" / "platforms" / "gradescope"
PACKAGE = ("pyproject.toml", "README.md", "LICENSE")
"""The files next to the package that its installation reads."""


def contents(name: str, course: Path) -> Iterator[tuple[Path, str]]:
    """Yields each file with its path in the zip file.

    Args:
        name: the exercise's name.
        course: the course in which it was released; only its notebooks are taken, not the key or the gradebook.

    Raises:
        FileNotFoundError: the exercise was not released there.
    """
    for path in sorted(SCRIPTS.iterdir()):
        yield path, path.name
    for name_of_file in PACKAGE:
        yield ROOT / name_of_file, f"cifarlab/{name_of_file}"
    for path in sorted((ROOT / "cifarlab").rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            yield path, f"cifarlab/{path.relative_to(ROOT).as_posix()}"
    for step in ("release", "source"):
        path = course / step / name / f"{name}.ipynb"
        if not path.is_file():
            raise FileNotFoundError(f"{path} does not exist. Run `cifarlab assignments release {name}` first.")
        yield path, f"course/{path.relative_to(course).as_posix()}"


def write(name: str, course: Path, target: Path) -> None:
    """Writes the zip file; equal contents give equal bytes, and scripts stay executable."""
    files = list(contents(name, course))
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, place in files:
            entry = zipfile.ZipInfo(place)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (0o755 if path.parent == SCRIPTS else 0o644) << 16
            archive.writestr(entry, path.read_bytes())


def main(arguments: list[str] | None = None) -> int:
    """Writes the file that the command line asks for; returns 2 if that is impossible."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", metavar="NAME", help="the exercise's name, such as 01_softmax")
    parser.add_argument("--course", type=Path, default=Path("course"), help="the course directory (default: course)")
    parser.add_argument("--output", type=Path, help="the zip file (default: NAME-gradescope.zip)")
    options = parser.parse_args(arguments)
    target = options.output or Path(f"{options.name}-gradescope.zip")
    try:
        write(options.name, options.course, target)
    except OSError as error:
        print(error, file=sys.stderr)
        return 2
    print(f"wrote {target}; it contains your key: keep it secret.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
