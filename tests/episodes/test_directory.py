"""Images from folders of files."""

import numpy as np
import pytest
import tensorflow as tf

from keras_meta import episodes


def write(file, value=0, size=8, channels=1, encode=tf.io.encode_png):
    file.parent.mkdir(parents=True, exist_ok=True)
    image = tf.fill([size, size, channels], tf.constant(value, tf.uint8))
    file.write_bytes(encode(image).numpy())


def test_class_folders(tmp_path):
    for index, name in enumerate(["zebra", "ant"]):
        for number in range(3):
            write(tmp_path / name / f"{number}.png", value=100 * index + number)
    (tmp_path / "ant" / "notes.txt").write_text("not an image")
    (tmp_path / ".cache").mkdir()
    x, y = episodes.from_directory(tmp_path, image_size=8)
    assert x.shape == (6, 8, 8, 1) and x.dtype == np.uint8
    assert list(y) == ["ant"] * 3 + ["zebra"] * 3
    assert list(x[:, 0, 0, 0]) == [100, 101, 102, 0, 1, 2]
    sampler = episodes.EpisodeSampler(x, y, num_ways=2, num_shots=1, num_queries=2)
    assert list(sampler.classes) == ["ant", "zebra"]


def test_nested_folders_name_classes_by_their_path(tmp_path):
    for name in ("latin/a", "latin/b", "greek/a"):
        write(tmp_path / name / "1.png")
    _, y = episodes.from_directory(str(tmp_path), image_size=8)
    assert list(y) == ["greek/a", "latin/a", "latin/b"]


def test_formats_sizes_and_colours(tmp_path):
    write(tmp_path / "c" / "1.png", 200, size=20, channels=4)
    write(tmp_path / "c" / "2.JPG", 200, channels=3, encode=tf.io.encode_jpeg)
    write(tmp_path / "c" / "3.jpeg", 200, encode=tf.io.encode_jpeg)
    pixel = bytes([200, 200, 200, 0])
    header = b"BM" + (58).to_bytes(4, "little") + bytes(4) + (54).to_bytes(4, "little")
    header += b"".join(value.to_bytes(4, "little") for value in (40, 1, 1, 1 | 24 << 16))
    (tmp_path / "c" / "4.bmp").write_bytes(header + bytes(24) + pixel)
    gif = "47494638396101000100800000c8c8c8000000 2c00000000010001000002024401003b"
    (tmp_path / "c" / "5.gif").write_bytes(bytes.fromhex(gif))
    for color_mode, channels in (("grayscale", 1), ("rgb", 3)):
        x, _ = episodes.from_directory(tmp_path, image_size=(6, 10), color_mode=color_mode)
        assert x.shape == (5, 6, 10, channels)
        np.testing.assert_allclose(x.astype(int), 200, atol=2)


def test_load_images_of_a_flat_folder_and_of_class_folders(tmp_path):
    write(tmp_path / "flat" / "b.png", 2)
    write(tmp_path / "flat" / "a.png", 1)
    write(tmp_path / "deep" / "class" / "c.png", 3)
    x, files = episodes.load_images(tmp_path / "flat", image_size=4)
    assert files == ["a.png", "b.png"] and list(x[:, 0, 0, 0]) == [1, 2]
    _, files = episodes.load_images(tmp_path / "deep", image_size=4)
    assert files == ["class/c.png"]


def test_a_corrupt_image_is_named(tmp_path):
    write(tmp_path / "a" / "good.png")
    data = (tmp_path / "a" / "good.png").read_bytes()
    for name, content in (("text.png", b"hello"), ("cut.png", data[:30]), ("none.png", b"")):
        file = tmp_path / "a" / name
        file.write_bytes(content)
        with pytest.raises(ValueError, match=f"Cannot read .*{name} as a PNG, JPEG, BMP or GIF"):
            episodes.from_directory(tmp_path, image_size=8)
        file.unlink()


def test_wrong_folders(tmp_path):
    def load():
        episodes.from_directory(tmp_path / "data", image_size=8)

    with pytest.raises(ValueError, match=r"must be a folder. Received: .*data' \(nothing there\)"):
        load()
    (tmp_path / "data").mkdir()
    with pytest.raises(ValueError, match="no class folders .* 0 images and no folders"):
        load()
    with pytest.raises(ValueError, match="There are no images in .*data"):
        episodes.load_images(tmp_path / "data", image_size=8)
    write(tmp_path / "data" / "1.png")
    with pytest.raises(ValueError, match="no class folders .* 1 images and no folders"):
        load()
    (tmp_path / "data" / "a").mkdir()
    with pytest.raises(ValueError, match="data with 1 images and 1 folders. Move the images"):
        load()
    (tmp_path / "data" / "1.png").unlink()
    with pytest.raises(ValueError, match="The class folder .*a has no images. Add images"):
        load()


def test_wrong_arguments(tmp_path):
    write(tmp_path / "a" / "1.png")
    with pytest.raises(ValueError, match='must be "grayscale" or "rgb". Received: color_mode=\'g'):
        episodes.from_directory(tmp_path, image_size=8, color_mode="gray")
    with pytest.raises(ValueError, match="Received: image_size=None."):
        episodes.from_directory(tmp_path, image_size=None)
