"""Images in folders are read as Pillow reads them; one that is none is named."""

import sys

import numpy as np
import pytest
from PIL import Image

from tinygrad_hw.errors import InputError
from tinygrad_hw.nn.datasets import read_examples

GREY = np.arange(48, dtype=np.uint8).reshape(4, 3, 4) * 5
COLORED = np.stack([GREY, 255 - GREY, GREY // 2], axis=-1)


def save(path, pixels, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)
    return path


@pytest.mark.parametrize("pixels", [GREY, COLORED])
def test_a_folder_for_each_class(tmp_path, pixels):
    for name, image in zip(["b/1.png", "a/2.bmp", "b/0.tif", "a/1.PNG"], pixels, strict=True):
        save(tmp_path / name, image)
    (tmp_path / "a/notes.txt").write_text("")
    (tmp_path / ".git").mkdir()
    found = read_examples(tmp_path)
    np.testing.assert_array_equal(found.x, pixels[[3, 1, 2, 0]])
    np.testing.assert_array_equal(found.y, [0, 0, 1, 1])
    assert found.class_names == ("a", "b")


def test_folders_for_training_and_testing(tmp_path):
    for name, image in zip(
        ["train/a/1.png", "train/b/1.png", "test/b/1.png"], GREY[:3], strict=True
    ):
        save(tmp_path / name, image)
    found = read_examples(tmp_path)
    np.testing.assert_array_equal(found.x_test, GREY[2:3])
    np.testing.assert_array_equal(found.y_test, [1])


def test_one_image_in_color_makes_all_of_them_so(tmp_path):
    save(tmp_path / "a/1.png", GREY[0])
    save(tmp_path / "b/1.png", COLORED[1])
    found = read_examples(tmp_path)
    np.testing.assert_array_equal(found.x[0], np.stack([GREY[0]] * 3, axis=-1))
    np.testing.assert_array_equal(found.x[1], COLORED[1])


def test_what_is_transparent_is_on_white(tmp_path):
    clear = np.zeros((2, 3, 4, 4), np.uint8)
    clear[:, 0, :, 3] = 255
    save(tmp_path / "a/1.png", clear[0])
    save(tmp_path / "b/1.png", clear[1])
    found = read_examples(tmp_path).x
    assert (found[:, 0] == 0).all()
    assert (found[:, 1:] == 255).all()


@pytest.mark.parametrize(("level", "near"), [(0, 9), (255, 240)])
def test_the_background_is_that_of_nearly_all_borders(tmp_path, level, near):
    for i in range(4):
        pixels = np.full((8, 8), near, np.uint8)
        pixels[3:5, 3:5] = 120 + i
        save(tmp_path / f"{i % 2}/{i}.png", pixels)
    assert read_examples(tmp_path).description["background"] == level
    save(tmp_path / "0/9.png", np.full((8, 8), 128, np.uint8))
    assert read_examples(tmp_path).description["background"] is None


def test_what_is_wrong_is_named(tmp_path):
    save(tmp_path / "a/1.png", GREY[0])
    bad = save(tmp_path / "b/1.png", GREY[1][:, 1:])

    def refusal():
        with pytest.raises(InputError) as raised:
            read_examples(tmp_path)
        line = str(raised.value)
        assert line.isprintable()
        return line

    assert f"{bad}: is 3 × 3 pixels; expected 4 × 3, as {tmp_path / 'a/1.png'}" in refusal()
    noise = np.random.default_rng(0).integers(0, 256, (40, 40), dtype=np.uint8)
    data = save(bad, noise).read_bytes()
    bad.write_bytes(data[: len(data) // 2])
    assert f"{bad}: cannot be read as an image (" in refusal()
    bad.write_bytes(b"mine")
    assert f"{bad}: is no image" in refusal()
    save(bad, GREY[0].astype(np.uint16) * 256)
    assert f"{bad}: has pixels of mode I;16; expected 8 bits a channel" in refusal()
    Image.new("1", (60_000, 1000)).save(bad)
    assert f"{bad}: has 60000 × 1000 pixels; expected at most 50,000,000" in refusal()
    bad.unlink()
    assert "has 1 class in 1 examples" in refusal()


def test_without_pillow_the_extra_is_named(tmp_path, monkeypatch):
    save(tmp_path / "a/1.png", GREY[0])
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(InputError, match=r"pip install 'tinygrad_hw\[image\]'"):
        read_examples(tmp_path)
