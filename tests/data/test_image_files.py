import io
import sys
import types

import numpy as np
import pytest
from PIL import Image

from cifarlab.data.image_files import ImageFileError, image_paths, read_image


def saved(tmp_path, picture, name, **kwargs):
    path = tmp_path / name
    picture.save(path, **kwargs)
    return path


RED = (255, 0, 0)


@pytest.mark.fault(promise="archives and files", injection="images: animated, CMYK, 1 x 1, transparent, 16-bit")
@pytest.mark.parametrize(
    ("mode", "color", "name"),
    [
        ("RGB", RED, "a.png"),
        ("RGB", RED, "a.bmp"),
        ("RGB", RED, "a.webp"),
        ("RGBA", (*RED, 255), "a.png"),
        ("CMYK", (0, 255, 255, 0), "a.tiff"),
        ("P", None, "a.gif"),
    ],
)
def test_images_of_any_kind_become_rgb(tmp_path, mode, color, name):
    picture = Image.new("RGB", (50, 40), RED).convert("P") if mode == "P" else Image.new(mode, (50, 40), color)
    array = read_image(saved(tmp_path, picture, name))
    assert array.shape == (32, 32, 3)
    assert array.dtype == np.uint8
    np.testing.assert_allclose(array.reshape(-1, 3), np.broadcast_to(RED, (1024, 3)), atol=3)


@pytest.mark.fault(promise="archives and files", injection="images: animated, CMYK, 1 x 1, transparent, 16-bit")
def test_transparent_becomes_white_and_gray_stays_gray(tmp_path):
    assert (read_image(saved(tmp_path, Image.new("RGBA", (9, 9), (0, 0, 0, 0)), "t.png")) == 255).all()
    assert (read_image(saved(tmp_path, Image.new("L", (9, 9), 77), "g.png")) == 77).all()


@pytest.mark.fault(promise="archives and files", injection="images: animated, CMYK, 1 x 1, transparent, 16-bit")
def test_16_bit_grayscale_is_scaled_and_not_clipped(tmp_path):
    ramp = np.linspace(0, 65535, 32).astype(np.uint16)[None].repeat(32, 0)
    array = read_image(saved(tmp_path, Image.fromarray(ramp), "ramp.png"))
    np.testing.assert_allclose(array[0, :, 0], np.linspace(0, 255, 32), atol=1.5)


def test_wide_images_are_cropped_around_the_center(tmp_path):
    wide = Image.new("RGB", (96, 32), RED)
    wide.paste((0, 255, 0), (32, 0, 64, 32))
    array = read_image(saved(tmp_path, wide, "wide.png"))
    assert (array == (0, 255, 0)).all()


@pytest.mark.fault(promise="archives and files", injection="images: animated, CMYK, 1 x 1, transparent, 16-bit")
@pytest.mark.parametrize("size", [(1, 1), (1, 500), (32, 32), (333, 7)])
def test_any_size(tmp_path, size):
    assert read_image(saved(tmp_path, Image.new("RGB", size), "a.png")).shape == (32, 32, 3)


def test_an_image_of_the_right_size_is_unchanged(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, [32, 32, 3], np.uint8)
    path = saved(tmp_path, Image.fromarray(pixels), "a.png")
    assert (read_image(path) == pixels).all()


def test_images_take_the_shape_of_a_dataset(tmp_path):
    path = saved(tmp_path, Image.new("RGB", (90, 70), RED), "a.png")
    assert read_image(path, (20, 40, 3)).shape == (20, 40, 3)
    grey = read_image(path, (28, 28, 1))
    assert grey.shape == (28, 28, 1)
    assert (grey == 76).all()  # 0.299 of 255
    with pytest.raises(ImageFileError, match="1 to 4 channels; the dataset's images have 5"):
        read_image(path, (32, 32, 5))


def test_images_are_found_by_their_suffixes(tmp_path):
    for folder in ("below", ".thumbnails"):
        (tmp_path / folder).mkdir()
    for name in ("b.PNG", "a.jpeg", "below/c.webp", ".hidden.png", ".thumbnails/b.png", "notes.txt", "Thumbs.db"):
        (tmp_path / name).touch()
    assert [path.name for path in image_paths(tmp_path)] == ["a.jpeg", "b.PNG", "c.webp"]


@pytest.mark.fault(promise="archives and files", injection="images: animated, CMYK, 1 x 1, transparent, 16-bit")
def test_the_first_frame_of_an_animation_is_read(tmp_path):
    first, second = (Image.new("RGB", (32, 32), c) for c in (RED, (0, 0, 255)))
    path = tmp_path / "a.gif"
    first.save(path, save_all=True, append_images=[second])
    np.testing.assert_allclose(read_image(path)[0, 0], RED, atol=3)


def test_a_photo_is_rotated_by_its_exif_orientation(tmp_path):
    photo = Image.new("RGB", (32, 32), RED)
    photo.paste((0, 255, 0), (0, 0, 32, 16))  # green on top
    exif = Image.Exif()
    exif[0x0112] = 3  # the camera was upside down
    buffer = io.BytesIO()
    photo.save(buffer, "PNG", exif=exif)
    (tmp_path / "p.png").write_bytes(buffer.getvalue())
    array = read_image(tmp_path / "p.png")
    assert array[-1, 0].tolist() == [0, 255, 0]


@pytest.mark.fault(promise="archives and files", injection="files that are empty, truncated or not images")
@pytest.mark.parametrize("content", [b"", b"not an image", b"\x89PNG\r\n\x1a\n" + bytes(40)])
def test_files_that_are_not_images_are_refused_in_one_line(tmp_path, content):
    path = tmp_path / "odd.png"
    path.write_bytes(content)
    with pytest.raises(ImageFileError, match=r"odd\.png must be an image") as error:
        read_image(path)
    assert "\n" not in str(error.value)


@pytest.mark.fault(promise="archives and files", injection="files that are empty, truncated or not images")
def test_missing_files_directories_and_truncated_images(tmp_path):
    with pytest.raises(ImageFileError, match="no such file"):
        read_image(tmp_path / "none.png")
    with pytest.raises(ImageFileError):
        read_image(tmp_path)
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, [64, 64, 3], np.uint8))
    path = saved(tmp_path, noise, "half.png")
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(ImageFileError, match="cannot be read"):
        read_image(path)


@pytest.mark.fault(promise="archives and files", injection="images that would fill the memory")
def test_a_decompression_bomb_is_refused(tmp_path):
    import struct
    import zlib

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000)))
    (tmp_path / "bomb.png").write_bytes(bomb + chunk(b"IEND", b""))
    with pytest.raises(ImageFileError):
        read_image(tmp_path / "bomb.png")


def test_leftovers_are_not_listed_and_links_are_followed(tmp_path):
    for folder in ("@eaDir", "__MACOSX", "lost+found", ".ipynb_checkpoints", "real"):
        (tmp_path / "home" / folder).mkdir(parents=True)
        (tmp_path / "home" / folder / "a.png").touch()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "b.jpg").touch()
    (tmp_path / "home" / "linked").symlink_to(tmp_path / "other")
    (tmp_path / "home" / "c.jpg").symlink_to(tmp_path / "missing.jpg")  # found here, and reported when it is read
    for name in ("._a.png", "Thumbs.db", "d.pdf", "e.h5", "f.eps", "g.mpg"):
        (tmp_path / "home" / name).touch()
    found = [str(path.relative_to(tmp_path / "home")) for path in image_paths(tmp_path / "home")]
    assert found == ["c.jpg", "linked/b.jpg", "real/a.png"]


def test_a_link_to_a_directory_above_it_is_named(tmp_path):
    (tmp_path / "photos" / "cat").mkdir(parents=True)
    (tmp_path / "photos" / "cat" / "again").symlink_to(tmp_path / "photos")
    with pytest.raises(ImageFileError, match=r"cat/again must not link to a directory that contains it; .* Remove"):
        image_paths(tmp_path / "photos")


def test_a_directory_that_cannot_be_listed_is_named(tmp_path, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.iterdir", refuse)
    with pytest.raises(ImageFileError, match="must be a readable directory; Permission denied"):
        image_paths(tmp_path)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (bytes(5000), "only zeros"),
        (b"<!DOCTYPE html><html>", "a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "a Git LFS pointer; run git lfs pull"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC; run pip install pillow-heif"),
        (b'<?xml version="1.0"?><svg>', "a web page or vector graphic"),
        (b"just text", "UnidentifiedImageError"),
    ],
)
def test_the_reason_says_what_the_file_really_is(tmp_path, content, reason):
    (tmp_path / "a.jpg").write_bytes(content)
    with pytest.raises(ImageFileError) as error:
        read_image(tmp_path / "a.jpg")
    assert error.value.reason == reason
    assert f"it cannot be read as one: {reason}." in str(error.value)


def test_truncated_files_and_broken_links_have_reasons(tmp_path):
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, [64, 64, 3], np.uint8))
    path = saved(tmp_path, noise, "half.jpg")
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(ImageFileError) as error:
        read_image(path)
    assert error.value.reason.startswith("image file is truncated")
    (tmp_path / "link.jpg").symlink_to("gone.jpg")
    with pytest.raises(
        ImageFileError, match=r"link\.jpg must be an image; its link leads to gone\.jpg, which does not"
    ):
        read_image(tmp_path / "link.jpg")


def test_float_pixels_are_refused_because_their_range_is_unknown(tmp_path):
    """Pillow would clip values from 0 to 1 to almost black."""
    ramp = np.linspace(0, 1, 32, dtype=np.float32)[None].repeat(32, 0)
    with pytest.raises(ImageFileError, match="floating-point pixels, whose range is not known"):
        read_image(saved(tmp_path, Image.fromarray(ramp), "ramp.tiff"))


def test_heic_is_read_as_soon_as_its_plug_in_can_be_imported(tmp_path, monkeypatch):
    """naver/dust3r#20: HEIC files were ignored."""
    path = tmp_path / "a.HEIC"
    Image.new("RGB", (32, 32), RED).save(path, "PNG")  # the plug-in below only gives PNG another name
    assert image_paths(tmp_path) == []
    for table in ("EXTENSION", "OPEN"):
        monkeypatch.setattr(Image, table, {**getattr(Image, table)})
    monkeypatch.setattr(Image, "ID", [*Image.ID])
    plug_in = types.ModuleType("pillow_heif")
    plug_in.register_heif_opener = lambda: (
        Image.register_open("HEIF", *Image.OPEN["PNG"]),
        Image.register_extension("HEIF", ".heic"),
    )
    monkeypatch.setitem(sys.modules, "pillow_heif", plug_in)
    assert (read_image(path) == RED).all()
    assert image_paths(tmp_path) == [path]


@pytest.mark.parametrize(
    ("mode", "color", "expected"),
    [
        ("RGBA", (9, 8, 7, 60), {4: (9, 8, 7, 60), 3: (197, 197, 197), 1: (197,)}),
        ("RGB", (9, 8, 7), {4: (9, 8, 7, 255), 3: (9, 8, 7), 2: (8, 255)}),
        ("L", 40, {4: (40, 40, 40, 255), 2: (40, 255), 1: (40,)}),
        ("LA", (40, 0), {4: (40, 40, 40, 0), 2: (40, 0), 3: (255, 255, 255), 1: (255,)}),
    ],
)
def test_transparency_is_kept_for_images_that_have_a_channel_for_it(tmp_path, mode, color, expected):
    """Arrays of four channels are those of transparent PNG files, so that such files fit their dataset."""
    Image.new(mode, (6, 5), color).save(tmp_path / "a.png")
    for channels, value in expected.items():
        assert set(map(tuple, read_image(tmp_path / "a.png", (5, 6, channels)).reshape(-1, channels))) == {value}
