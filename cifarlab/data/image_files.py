"""Any picture file as a square of pixels, whatever its format, size, colours and orientation."""

import os
import warnings
from pathlib import Path

import numpy as np

from cifarlab.data.records import IMAGE_SHAPE
from cifarlab.errors import UserError
from cifarlab.text import sanitize

MAX_PIXELS = 80_000_000
"""Pixels, below the number from which Pillow warns; a small file can hold a picture that fills the memory."""

BLOCKED_FORMATS = ("EPS", "IPTC")
"""Formats: Pillow has Ghostscript carry out what stands in the first; the second may hold it."""


class ImageFileError(UserError):
    """A file that is no picture, or one that cannot be shown to the network."""


def image_paths(folder: Path) -> list[Path]:
    """The files in a folder and below it whose names end as pictures' do; sorted, without hidden files and folders."""
    from PIL import Image

    endings = Image.registered_extensions()
    seen = (path for path in folder.rglob("*") if not any(part[0] == "." for part in path.relative_to(folder).parts))
    found = (path for path in seen if path.suffix.lower() in endings)
    return sorted(path for path in found if path.is_file())


def read_image(path: str | os.PathLike, shape: tuple[int, int, int] = IMAGE_SHAPE) -> np.ndarray:
    """Reads any picture file in the shape of a data set's images: scaled so that it fills them, its middle kept.

    Transparent parts become white, an animation's first picture counts, other colour spaces become RGB.

    Args:
        path: PNG, JPEG, GIF, WebP, BMP or another format that Pillow reads by itself.
        shape: rows, columns and channels of the result; 3 channels for colours, 1 for grey.

    Returns:
        uint8[rows, columns, channels].

    Raises:
        ImageFileError: there is no such file, it is no picture, or it is damaged or too large; or another number of
            channels is wanted.
    """
    from PIL import Image, ImageOps

    rows, columns, channels = shape
    if channels not in (1, 3):
        raise ImageFileError(f"a picture file is read with 3 channels or 1; the data set's images have {channels}.")
    try:
        picture = _open_image(path).convert("RGB")
        picture = picture if channels == 3 else picture.convert("L")
        fitted = ImageOps.fit(picture, (columns, rows), Image.Resampling.LANCZOS)
    except ImageFileError:
        raise
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise ImageFileError(
            f"a picture has at most {MAX_PIXELS:,} pixels; {sanitize(path)} has more. Scale it down first."
        ) from None
    except FileNotFoundError:
        raise ImageFileError(f"{sanitize(path)} should be a picture; there is no such file.") from None
    except Exception as error:  # Pillow's readers raise nearly anything for a damaged file
        raise ImageFileError(
            f"{sanitize(path)} should be a picture (PNG, JPEG, GIF, WebP, BMP, ...); it cannot be read as one: "
            f"{type(error).__name__}. Convert it, or name another file."
        ) from None
    return np.asarray(fitted).reshape(shape)


def _open_image(path: str | os.PathLike):
    """The picture in a file, turned as its camera says, over white where it is transparent."""
    from PIL import Image, ImageOps

    Image.init()  # knows all formats from here on
    if Path(path).exists() and not Path(path).is_file():
        raise ImageFileError(f"{sanitize(path)} should be a picture; it is no file.")  # a pipe would be waited for
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a camera's notes that are not as they should be
        warnings.simplefilter("error", Image.DecompressionBombWarning)  # a picture inside of an icon
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
    """Scales 16-bit grey values to 0-255, where Pillow would cut them off at 255."""
    from PIL import Image

    if not picture.mode.startswith("I"):
        return picture
    values = np.asarray(picture)
    return Image.fromarray(np.clip(values // (257 if values.max() > 255 else 1), 0, 255).astype(np.uint8))
