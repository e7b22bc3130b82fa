"""Tests of the decoding of one picture: formats, modes, and pictures that are refused."""

import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
from PIL import Image

from embrec.features.image.decode import decode
from embrec.features.image.preprocessing import ScaleAndCrop


def whole(image):
    return np.asarray(image)


@pytest.fixture(scope="module")
def picture():
    """Red above green."""
    image = Image.new("RGB", (40, 60), (250, 0, 0))
    image.paste((0, 250, 0), (0, 30, 40, 60))
    return image


def test_a_plain_picture_is_read_as_it_is(picture, tmp_path):
    picture.save(tmp_path / "p.png")
    np.testing.assert_array_equal(decode(tmp_path / "p.png", whole), np.asarray(picture))


@pytest.mark.parametrize("turn", [None, *Image.Transpose])
def test_a_picture_is_turned_as_its_exif_says(picture, tmp_path, turn):
    undo = {Image.Transpose.ROTATE_90: 6, Image.Transpose.ROTATE_270: 8, Image.Transpose.ROTATE_180: 3}
    undo |= {Image.Transpose.FLIP_LEFT_RIGHT: 2, Image.Transpose.FLIP_TOP_BOTTOM: 4}
    undo |= {Image.Transpose.TRANSPOSE: 5, Image.Transpose.TRANSVERSE: 7}
    exif = Image.Exif()
    exif[0x0112] = 1 if turn is None else undo[turn]
    (picture if turn is None else picture.transpose(turn)).save(tmp_path / "p.png", exif=exif)
    np.testing.assert_array_equal(decode(tmp_path / "p.png", whole), np.asarray(picture))


@pytest.mark.parametrize(
    ("mode", "name"),
    [("L", "p.png"), ("P", "p.png"), ("1", "p.png"), ("CMYK", "p.jpg"), ("CMYK", "p.tif"), ("RGBA", "p.png")],
)
def test_pictures_of_other_modes_become_rgb(picture, tmp_path, mode, name):
    picture.convert(mode).save(tmp_path / name)
    pixels = decode(tmp_path / name, whole)
    expected = np.asarray(picture.convert(mode).convert("RGB")).astype(int)
    assert pixels.shape == (60, 40, 3)
    assert np.abs(pixels.astype(int) - expected)[[5, 55]].max() <= 8


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_what_is_transparent_is_white(tmp_path, mode):
    image = Image.new("RGBA", (20, 20), (0, 0, 0, 0))
    image.paste((0, 0, 0, 255), (0, 0, 10, 20))
    image.convert(mode).save(tmp_path / "p.png")
    pixels = decode(tmp_path / "p.png", whole)
    assert pixels[5, 15].tolist() == [255, 255, 255]
    assert pixels[5, 5].tolist() == [0, 0, 0]


def test_sixteen_bits_are_scaled_and_not_cut_to_white(tmp_path):
    Image.fromarray(np.full((8, 8), 128 * 256, dtype=np.uint16)).save(tmp_path / "p.png")
    assert (decode(tmp_path / "p.png", whole) == 128).all()


def test_of_an_animation_the_first_frame_is_read(picture, tmp_path):
    picture.save(tmp_path / "p.gif", save_all=True, append_images=[Image.new("RGB", (40, 60), "blue")] * 3)
    pixels = decode(tmp_path / "p.gif", whole)
    assert pixels[5, 5].tolist() == [250, 0, 0]


def png(width, height, data=b""):
    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("side", [8_001, 20_000, 2**31 - 1])
def test_an_image_bomb_is_refused_before_it_is_decoded(tmp_path, side):
    (tmp_path / "bomb.png").write_bytes(png(side, side, zlib.compress(bytes(1000))))
    problem = decode(tmp_path / "bomb.png", pytest.fail)
    assert isinstance(problem, str)
    assert "bomb.png: " in problem
    assert "pixels" in problem
    assert "\n" not in problem


def test_what_is_no_whole_picture_is_a_problem_in_one_line(pictures):
    for name, reason in (("broken", "truncated"), ("text", "cannot identify"), ("empty", "cannot identify")):
        problem = decode(pictures / f"{name}.jpg", whole)
        assert isinstance(problem, str)
        assert problem.startswith(f"{pictures / name}.jpg: ")
        assert reason in problem
        assert "\n" not in problem


def test_formats_that_start_other_programs_are_not_read(picture, tmp_path):
    picture.save(tmp_path / "p.eps")
    assert "cannot identify" in str(decode(tmp_path / "p.eps", whole))


def test_no_file_is_no_problem(tmp_path):
    assert decode(None, whole) is None
    assert decode(tmp_path / "absent.png", whole) is None


def test_a_place_that_cannot_be_looked_at_is_a_problem(tmp_path):
    path = tmp_path / ("x" * 300 + ".png")
    assert decode(path, whole) == f"{path}: File name too long"


def test_a_picture_of_extreme_proportions_is_refused_before_it_is_scaled(tmp_path):
    for name, size in (("thin", (1, 12_000)), ("flat", (12_000, 1))):
        Image.new("RGB", size).save(tmp_path / f"{name}.png")
        problem = decode(tmp_path / f"{name}.png", ScaleAndCrop(256, 224))
        assert problem == f"{tmp_path / name}.png: {size[0]} x {size[1]} pixels are out of proportion"


def test_pictures_are_scaled_by_the_short_side_and_cropped_in_the_middle():
    image = Image.new("RGB", (512, 256), (0, 0, 0))
    image.paste((255, 127, 0), (144, 0, 368, 256))
    for like_torchvision in (False, True):
        pixels = ScaleAndCrop(256, 224, "bicubic", like_torchvision)(image)
        assert pixels.shape == (224, 224, 3)
        assert (pixels == (255, 127, 0)).all()


def test_the_decoder_is_light():
    """A worker imports it: neither torch nor polars may come with it."""
    code = "import sys, embrec.features.image.worker, embrec.features.image.preprocessing; "
    code += "print(sorted({'torch', 'polars', 'transformers', 'pydantic'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
