import pytest

from keras_meta.commands import memory
from tests.commands.conftest import SHORT, TINY


def test_what_is_available_is_some_of_the_machine_s_memory():
    with open("/proc/meminfo") as file:
        total = 1024 * int(file.readline().split()[1])
    assert 2**20 < memory.available() <= total


def test_the_limit_of_a_container_counts(tmp_path, monkeypatch):
    for name, text in (("max", "max\n"), ("limit", "1048576\n")):
        (tmp_path / name).write_text(text)
    files = [tmp_path / name for name in ("absent", "max", "limit")]
    monkeypatch.setattr(memory, "_CONTAINER_LIMITS", files)
    assert memory.available() == 2**20


def test_a_limit_is_named():
    memory.check_fits(2**20, "little", "Nothing to do.")
    with pytest.raises(ValueError, match=r"Received: much: they need at least 1,000,000.0 GB"):
        memory.check_fits(10**15, "much", "Ask for less.")


TOO_MUCH = {
    "--image-size 100000": "Received: 48 images of 100000 x 100000 pixels and 1 channels: they "
    "need at least 1,440.0 GB",
    "--image-size 100000 --color-mode rgb": "and 3 channels: they need at least 4,320.0 GB",
    "--batch-size 100000000000": "Received: 100,000,000,000 tasks of 6 examples of shape",
    "--data sinusoid --shots 1000000000000": "sine waves of 1,000,000,000,000 + 2 points",
    "--data sinusoid --batch-size 1000000000000": "Received: 1,000,000,000,000 sine waves",
    "--data glyphs --batch-size 1000000000000": "Received: 1,000,000,000,000 tasks of 6 examples",
}


@pytest.mark.parametrize("options", TOO_MUCH)
def test_what_does_not_fit_is_refused_before_it_is_allocated(
    options, fails, image_folder, tmp_path
):
    arguments = ["--data", image_folder, *TINY, *SHORT, *options.split()]
    message = fails("train", *arguments, "--out", tmp_path / "run")
    assert "There is not enough memory. " in message and TOO_MUCH[options] in message
    assert "maller" in message  # what to do
    assert message.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_data_of_tfds(fails, tmp_path, monkeypatch):
    import tensorflow_datasets as tfds

    splits = {
        "train": tfds.core.SplitInfo(
            name="train", shard_lengths=[60_000], num_bytes=0, filename_template=None
        )
    }
    monkeypatch.setattr(tfds.core.DatasetBuilder, "is_prepared", lambda builder: True)
    monkeypatch.setattr(tfds.core.DatasetInfo, "splits", splits)
    options = ["--data", "tfds:mnist", "--tfds-folder", tmp_path, "--image-size", 100000]
    message = fails("train", *options, "--out", tmp_path / "run")
    assert "Received: 60,000 images of 100000 x 100000 pixels" in message
