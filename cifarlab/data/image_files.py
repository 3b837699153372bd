"""List image files, and read them in any format, size, color mode and orientation as arrays of one shape."""

import contextlib
import dataclasses
import os
import warnings
from collections import Counter
from pathlib import Path

import numpy as np

from cifarlab.data.image_formats import (
    BLOCKED_FORMATS,
    PLUG_INS,
    content_hint,
    is_image_name,
    readable_suffixes,
    register_plug_ins,
    remedy,
)
from cifarlab.data.records import IMAGE_SHAPE
from cifarlab.errors import UserError
from cifarlab.text import sanitize

_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}  # Pillow's names, by the number of channels

MAX_PIXELS = 80_000_000
"""The largest image that is read, below Pillow's own limit: a small file can decompress to gigabytes."""

LEFTOVERS = frozenset(
    {
        *("@eadir", "@tmp", "@recycle", "@recently-snapshot", "#recycle", "#snapshot"),  # network storage
        *("__macosx", "icon\r", "temporary items", "thevolumesettingsfolder"),  # macOS
        *("thumbs.db", "ehthumbs.db", "desktop.ini", "$recycle.bin", "system volume information"),  # Windows
        *("lost+found", "__pycache__", "picasa.ini"),
    }
)
"""Names, in lower case, of what operating systems and other programs leave in directories of images.

So are all hidden names, which begin with a dot.
"""

_HIDDEN_LEFTOVERS: tuple[str, ...] = (
    *(".git", ".svn", ".hg", ".dvc", ".ipynb_checkpoints", ".cache", ".thumb", "._", ".@", ".st", ".nfs"),
    *(".trash", ".apple", ".spotlight", ".fseventsd", ".temporaryitems", ".documentrevisions"),
)  # how the names of hidden directories begin that programs create


class ImageFileError(UserError):
    """A file that is not an image, or an image that cannot be used.

    Attributes:
        reason: what is wrong with the file, in a few words.
    """

    def __init__(self, message: str, reason: str = "") -> None:
        """Takes the message, and what is wrong with the file."""
        super().__init__(message)
        self.reason = reason or message


@dataclasses.dataclass
class Listing:
    """What a directory contains, without leftovers.

    Attributes:
        path: the directory.
        images: the image files that can be read here, by their names. Links to missing files are among them.
        unsupported: the image files that need a plug-in, or have to be converted.
        ignored: the number of other files by extension.
        broken: links to missing files whose names have no extension; they may have been directories.
        hidden: the names of hidden directories that are not known leftovers.
        directories: the subdirectories, sorted by name. Symbolic links are followed.
    """

    path: Path
    images: list[Path] = dataclasses.field(default_factory=list)
    unsupported: list[Path] = dataclasses.field(default_factory=list)
    ignored: Counter[str] = dataclasses.field(default_factory=Counter)
    broken: list[Path] = dataclasses.field(default_factory=list)
    hidden: list[str] = dataclasses.field(default_factory=list)
    directories: list["Listing"] = dataclasses.field(default_factory=list)

    @property
    def own(self) -> bool:
        """Whether there are images in the directory itself, readable or not."""
        return bool(self.images or self.unsupported)

    @property
    def count(self) -> int:
        """The number of images in the directory and below it, readable or not."""
        return sum(len(listing.images) + len(listing.unsupported) for listing in self.everything())

    @property
    def has_images(self) -> bool:
        """Whether there are images in the directory or below it."""
        return any(listing.own for listing in self.everything())

    @property
    def filled(self) -> list["Listing"]:
        """The subdirectories that contain images, themselves or below them."""
        return [directory for directory in self.directories if directory.has_images]

    def everything(self) -> list["Listing"]:
        """Returns this directory and all directories below it."""
        return [self, *(below for directory in self.directories for below in directory.everything())]


def list_directory(directory: Path) -> Listing:
    """Lists the images and other files in a directory and below it.

    Raises:
        ImageFileError: a directory cannot be listed, or links to a directory that contains it.
    """
    return _list_below(directory, readable_suffixes(), ())


def _list_below(directory: Path, suffixes: frozenset[str], above: tuple[tuple[int, int], ...]) -> Listing:
    """Lists a directory, unless it is one of those above it, which are given by device and inode."""
    found = Listing(directory)
    try:
        status, paths = directory.stat(), sorted(directory.iterdir())
    except OSError as error:
        raise ImageFileError(f"{sanitize(directory)} must be a readable directory; {error.strerror}.") from None
    here = (status.st_dev, status.st_ino)
    if here in above:
        raise ImageFileError(
            f"{sanitize(directory)} must not link to a directory that contains it; it links to "
            f"{sanitize(directory.resolve())}. Remove the link."
        )
    for path in paths:
        name = path.name.lower()
        if name in LEFTOVERS:
            continue
        if path.is_dir():
            if name[0] != ".":
                found.directories.append(_list_below(path, suffixes, (*above, here)))
            elif not name.startswith(_HIDDEN_LEFTOVERS):
                found.hidden.append(path.name)
        elif name[0] != "." and (path.is_file() or _is_broken(path)):
            _sort_in(path, suffixes, found)
    return found


def _sort_in(path: Path, suffixes: frozenset[str], found: Listing) -> None:
    """Adds a file to the list of its kind."""
    suffix = path.suffix.lower()
    if suffix in suffixes:
        found.images.append(path)
    elif is_image_name(path):
        found.unsupported.append(path)
    elif _is_broken(path) and not suffix:
        found.broken.append(path)
    else:
        found.ignored[suffix or "without extension"] += 1


def _is_broken(path: Path) -> bool:
    return path.is_symlink() and not path.exists()


def image_paths(directory: Path) -> list[Path]:
    """Returns the sorted paths of all image files below a directory, without hidden ones and leftovers.

    Raises:
        ImageFileError: a directory cannot be listed, or links to a directory that contains it.
    """
    return sorted(path for listing in list_directory(directory).everything() for path in listing.images)


def read_image(path: str | os.PathLike, shape: tuple[int, int, int] = IMAGE_SHAPE) -> np.ndarray:
    """Reads an image file in the shape of a dataset's images.

    The image is scaled to cover that shape and cropped around its center. Transparent parts become white, unless the
    shape has a channel for transparency. Only the first frame of an animation is read, and other color spaces are
    converted to RGB.

    Args:
        path: a file in PNG, JPEG, GIF, WebP, BMP or another format that Pillow reads without external programs.
        shape: rows, columns and channels of the result; 3 channels for color, 1 for grayscale, and one more for
            transparency, 0 where the image is transparent.

    Returns:
        uint8[rows, columns, channels].

    Raises:
        ImageFileError: the file does not exist, is not an image, is damaged or too large, or `shape` has more than 4
            channels.
    """
    from PIL import Image, ImageOps

    rows, columns, channels = shape
    if channels not in _MODES:
        raise ImageFileError(
            f"image files can be read with 1 to 4 channels; the dataset's images have {channels}. "
            "Pass arrays to cifarlab.evaluation.classifier.classify."
        )
    try:
        picture = _open_image(path)
        picture = _on_white(picture) if channels in (1, 3) else picture.convert("RGBA")
        picture = picture.convert(_MODES[channels])
        fitted = ImageOps.fit(picture, (columns, rows), Image.Resampling.LANCZOS)
    except ImageFileError:
        raise
    except Exception as error:  # Pillow's decoders can raise any exception for a damaged file
        raise _explained(path, error) from None
    return np.asarray(fitted).reshape(shape)


def _open_image(path: str | os.PathLike):
    """Opens an image, rotated according to its EXIF orientation."""
    from PIL import Image, ImageOps

    Image.init()  # registers all formats in Image.ID
    if Path(path).suffix.lower() in PLUG_INS:
        register_plug_ins()
    if Path(path).exists() and not Path(path).is_file():
        raise ImageFileError(f"{sanitize(path)} is not a regular file; expected an image.")  # a pipe would block
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about invalid EXIF data
        warnings.simplefilter("error", Image.DecompressionBombWarning)  # an image inside an icon file
        with Image.open(path, formats=[name for name in Image.ID if name not in BLOCKED_FORMATS]) as file:
            if file.width * file.height > MAX_PIXELS:
                raise Image.DecompressionBombError
            return ImageOps.exif_transpose(_to_uint8(file))


def _on_white(picture):
    """Converts an image to RGB, and places it on white if it is transparent."""
    from PIL import Image

    if not picture.has_transparency_data:
        return picture.convert("RGB")
    picture, white = picture.convert("RGBA"), Image.new("RGB", picture.size, "white")
    white.paste(picture, mask=picture)
    return white


def _explained(path: str | os.PathLike, error: Exception) -> ImageFileError:
    """Returns an error that says why a file cannot be read and what to do."""
    from PIL import Image

    if isinstance(error, Image.DecompressionBombWarning | Image.DecompressionBombError):
        rule = f"an image must not have more than {MAX_PIXELS:,} pixels"
        return ImageFileError(f"{rule}; {sanitize(path)} has. Scale it down first.", f"more than {MAX_PIXELS:,} pixels")
    if isinstance(error, FileNotFoundError):
        reason, there = "no such file", "there is no such file"
        if Path(path).is_symlink():
            reason = there = f"its link leads to {sanitize(Path(path).readlink())}, which does not exist"
        return ImageFileError(f"{sanitize(path)} must be an image; {there}.", reason)
    reason = _what_is_wrong(Path(path), error)
    return ImageFileError(
        f"{sanitize(path)} must be an image (PNG, JPEG, GIF, WebP, BMP, ...); it cannot be read as one: {reason}. "
        "Convert it, or choose another file.",
        reason,
    )


def _what_is_wrong(path: Path, error: Exception) -> str:
    """Describes in a few words why a file cannot be read."""
    with contextlib.suppress(OSError, ValueError), path.open("rb") as file:
        if hint := content_hint(file.read(64)):
            return hint
    if path.suffix.lower() in PLUG_INS:
        return remedy(path.suffix)
    if type(error) is OSError or isinstance(error, _FloatImageError):
        return sanitize(error)[:80]  # such as Pillow's message that the file is truncated
    return type(error).__name__


class _FloatImageError(ValueError):
    """An image of floating-point pixels, whose range no format defines."""


def _to_uint8(picture):
    """Scales 16-bit grayscale to 0-255, which Pillow would clip at 255."""
    from PIL import Image

    if picture.mode == "F":
        raise _FloatImageError("floating-point pixels, whose range is not known")
    if not picture.mode.startswith("I"):
        return picture
    values = np.asarray(picture)
    return Image.fromarray(np.clip(values // (257 if values.max() > 255 else 1), 0, 255).astype(np.uint8))
