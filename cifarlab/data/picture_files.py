"""Any picture file as a square of pixels, whatever its format, size, colours and orientation."""

import os
from pathlib import Path

import numpy as np

from cifarlab.data.records import IMAGE_SHAPE
from cifarlab.errors import UserError

LARGEST_PICTURE = 80_000_000
"""Pixels, below the number from which Pillow warns; a small file can hold a picture that fills the memory."""


class PictureError(UserError):
    """A file that is no picture, or one that cannot be shown to the network."""


def picture_paths(folder: Path) -> list[Path]:
    """The files in a folder, or in folders below it, whose names end as pictures' do; sorted, hidden ones left out."""
    from PIL import Image

    endings = Image.registered_extensions()
    found = (path for path in folder.rglob("*") if path.name[0] != "." and path.suffix.lower() in endings)
    return sorted(path for path in found if path.is_file())


def read_picture(path: str | os.PathLike, shape: tuple[int, int, int] = IMAGE_SHAPE) -> np.ndarray:
    """Reads any picture file in the shape of a data set's images: scaled so that it fills them, its middle kept.

    Transparent parts become white, an animation's first picture counts, other colour spaces become RGB.

    Args:
        path: PNG, JPEG, GIF, WebP, BMP or another format that Pillow reads.
        shape: rows, columns and channels of the result; 3 channels for colours, 1 for grey.

    Returns:
        uint8[rows, columns, channels].

    Raises:
        PictureError: there is no such file, it is no picture, or it is damaged or too large.
    """
    from PIL import Image, ImageOps

    rows, columns, channels = shape
    try:
        with Image.open(path) as file:
            if file.width * file.height > LARGEST_PICTURE:
                raise PictureError(
                    f"a picture has at most {LARGEST_PICTURE:,} pixels; {path} has {file.width} x {file.height}. "
                    "Scale it down first."
                )
            # Turned as its camera says, then over white where it is transparent.
            picture = ImageOps.exif_transpose(_in_eight_bits(file)).convert("RGBA")
    except PictureError:
        raise
    except FileNotFoundError:
        raise PictureError(f"{path} should be a picture; there is no such file.") from None
    except Exception as error:  # Pillow's readers raise nearly anything for a damaged file
        raise PictureError(
            f"{path} should be a picture (PNG, JPEG, GIF, WebP, BMP, ...); it cannot be read as one: "
            f"{type(error).__name__}. Convert it, or name another file."
        ) from None
    white = Image.new("RGBA", picture.size, "white")
    opaque = Image.alpha_composite(white, picture).convert("RGB" if channels == 3 else "L")
    return np.asarray(ImageOps.fit(opaque, (columns, rows), Image.Resampling.LANCZOS)).reshape(shape)


def _in_eight_bits(picture):
    """Scales 16-bit grey values to 0-255, where Pillow would cut them off at 255."""
    from PIL import Image

    if not picture.mode.startswith("I"):
        return picture
    values = np.asarray(picture).astype(np.int64)
    return Image.fromarray(np.clip(values // (257 if values.max() > 255 else 1), 0, 255).astype(np.uint8))
