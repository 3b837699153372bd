"""The part of the `cifarlab data` command that creates a dataset from a directory of images."""

import argparse
from collections.abc import Callable
from typing import Any

from cifarlab.errors import UserError
from cifarlab.files import as_path
from cifarlab.text import sanitize

_NUMBERS: dict[str, tuple[type, str]] = {
    "size": (int, "rows and columns that images are scaled to (default: 32)"),
    "crop_size": (int, "rows and columns that the network sees (default: three quarters of the size)"),
    "test_fraction": (
        float,
        "about this fraction of each class are test images if there is no test part (default: 0.2)",
    ),
    "seed": (int, "random seed of that choice and of the order of the images (default: 0)"),
}
_SWITCHES = {
    "skip_unreadable": "leave out files that cannot be read; by default, they are an error",
    "remove_duplicates": "leave out training images that are identical to test or validation images",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options that mirror the arguments of `custom.from_folder` to the parser of `cifarlab data`."""
    group = parser.add_argument_group("your own images")
    group.add_argument(
        "--as", dest="output_dir", metavar="DIRECTORY", help="create a dataset here, for --dataset DIRECTORY"
    )
    for name, (kind, text) in _NUMBERS.items():
        group.add_argument(_flag(name), type=kind, default=argparse.SUPPRESS, metavar=kind.__name__.upper(), help=text)
    text = "keep a validation part as validation images, or add it to the training images (default: split)"
    group.add_argument("--validation", choices=("split", "train"), default=argparse.SUPPRESS, help=text)
    for name, text in _SWITCHES.items():
        group.add_argument(_flag(name), action="store_true", default=argparse.SUPPRESS, help=text)


def check_options(options: argparse.Namespace) -> None:
    """Checks that the options fit the dataset that is meant, a built-in one or one from a directory of images.

    Raises:
        UserError: they do not; the message says what to do.
    """
    from cifarlab.data.dataset import DESCRIPTION
    from cifarlab.data.registry import SOURCES

    name = sanitize(options.name)
    if options.output_dir is not None:
        if options.name in SOURCES:
            raise UserError(
                f"--as is for a directory of your own images; {name} is built in. Omit --as, or pass ./{name}."
            )
        if options.force:
            raise UserError(
                "--force is for built-in datasets; a dataset of your own images is replaced without it. Omit --force."
            )
        return
    if given := _given(options):
        raise UserError(
            f"{_flag(min(given))} is for your own images. Add --as DIRECTORY, where the dataset is written."
        )
    path = as_path(options.name)
    if options.name not in SOURCES and path.exists() and not (path / DESCRIPTION).is_file():
        raise UserError(
            f"{name} is not a dataset yet. To create one from the images in it, add the directory to write: "
            f"cifarlab data {name} --as DIRECTORY."
        )


def create(options: argparse.Namespace, progress: Callable[[int, int | None], None]) -> Any:
    """Creates the dataset that the options describe, and returns it as `custom.from_folder` does."""
    from cifarlab.data import custom

    return custom.from_folder(options.name, options.output_dir, **_given(options), progress=progress)


def _given(options: argparse.Namespace) -> dict[str, Any]:
    """Returns the given options that mirror arguments of `from_folder`."""
    return {name: getattr(options, name) for name in (*_NUMBERS, *_SWITCHES, "validation") if name in options}


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"
