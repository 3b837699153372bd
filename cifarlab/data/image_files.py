"""Read image files of any format, size, color mode and orientation as arrays of one shape."""

import os
import warnings
from pathlib import Path

import numpy as np

from cifarlab.data.records import IMAGE_SHAPE
from cifarlab.errors import UserError
from cifarlab.text import sanitize

MAX_PIXELS = 80_000_000
"""The largest image that is read, below Pillow's own limit: a small file can decompress to gigabytes."""

BLOCKED_FORMATS = ("EPS", "IPTC")
"""Image formats that are never opened: Pillow runs EPS files through Ghostscript, and IPTC files can embed EPS."""


class ImageFileError(UserError):
    """A file that is not an image, or an image that cannot be used."""


def image_paths(directory: Path) -> list[Path]:
    """Returns the sorted paths of all files with image suffixes below a directory, without hidden ones."""
    from PIL import Image

    suffixes = Image.registered_extensions()
    visible = (
        path for path in directory.rglob("*") if not any(part[0] == "." for part in path.relative_to(directory).parts)
    )
    found = (path for path in visible if path.suffix.lower() in suffixes)
    return sorted(path for path in found if path.is_file())


def read_image(path: str | os.PathLike, shape: tuple[int, int, int] = IMAGE_SHAPE) -> np.ndarray:
    """Reads an image file in the shape of a dataset's images.

    The image is scaled to cover that shape and cropped around its center. Transparent parts become white, only the
    first frame of an animation is read, and other color spaces are converted to RGB.

    Args:
        path: a file in PNG, JPEG, GIF, WebP, BMP or another format that Pillow reads without external programs.
        shape: rows, columns and channels of the result; 3 channels for color, 1 for grayscale.

    Returns:
        uint8[rows, columns, channels].

    Raises:
        ImageFileError: the file does not exist, is not an image, is damaged or too large, or `shape` has a number of
            channels other than 1 or 3.
    """
    from PIL import Image, ImageOps

    rows, columns, channels = shape
    if channels not in (1, 3):
        raise ImageFileError(f"image files can be read with 3 channels or 1; the dataset's images have {channels}.")
    try:
        picture = _open_image(path).convert("RGB")
        picture = picture if channels == 3 else picture.convert("L")
        fitted = ImageOps.fit(picture, (columns, rows), Image.Resampling.LANCZOS)
    except ImageFileError:
        raise
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise ImageFileError(
            f"an image must not have more than {MAX_PIXELS:,} pixels; {sanitize(path)} has. Scale it down first."
        ) from None
    except FileNotFoundError:
        raise ImageFileError(f"{sanitize(path)} must be an image; there is no such file.") from None
    except Exception as error:  # Pillow's decoders can raise any exception for a damaged file
        raise ImageFileError(
            f"{sanitize(path)} must be an image (PNG, JPEG, GIF, WebP, BMP, ...); it cannot be read as one: "
            f"{type(error).__name__}. Convert it, or choose another file."
        ) from None
    return np.asarray(fitted).reshape(shape)


def _open_image(path: str | os.PathLike):
    """Opens an image, rotated according to its EXIF orientation and placed on white if it is transparent."""
    from PIL import Image, ImageOps

    Image.init()  # registers all formats in Image.ID
    if Path(path).exists() and not Path(path).is_file():
        raise ImageFileError(f"{sanitize(path)} is not a regular file; expected an image.")  # a pipe would block
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about invalid EXIF data
        warnings.simplefilter("error", Image.DecompressionBombWarning)  # an image inside an icon file
        with Image.open(path, formats=[name for name in Image.ID if name not in BLOCKED_FORMATS]) as file:
            if file.width * file.height > MAX_PIXELS:
                raise Image.DecompressionBombError
            picture = ImageOps.exif_transpose(_to_uint8(file))
    if not picture.has_transparency_data:
        return picture
    picture, white = picture.convert("RGBA"), Image.new("RGB", picture.size, "white")
    white.paste(picture, mask=picture)
    return white


def _to_uint8(picture):
    """Scales 16-bit grayscale to 0-255, which Pillow would clip at 255."""
    from PIL import Image

    if not picture.mode.startswith("I"):
        return picture
    values = np.asarray(picture)
    return Image.fromarray(np.clip(values // (257 if values.max() > 255 else 1), 0, 255).astype(np.uint8))
