"""The kind of data of a run, which its options tell before anything is read."""

from pathlib import Path

# The name of the languages that the package invents.
LANGUAGES = "languages"


def is_table(config):
    """Whether a run is on a table whose rows belong to groups, each of which is a task.

    Args:
        config: dict, the options of `keras-meta train`.
    """
    return config.get("task") is not None


def is_languages(config):
    """Whether a run is on languages, of which text is written. See `is_table`."""
    # The folder of a run may be gone when it is used.
    return config.get("length") is not None or names_languages(config)


def names_languages(config):
    """Whether `--data` names languages: those of the package, or a folder of .txt files alone."""
    if is_table(config):
        return False
    folder = Path(str(config.get("data")))
    return config.get("data") == LANGUAGES or (
        # A folder of class folders may have a .txt file that describes it.
        any(folder.glob("*.txt")) and not any(path.is_dir() for path in folder.iterdir())
    )


def is_text(config):
    """Whether a run is on texts that have labels. See `is_table`."""
    return str(config["data"]).endswith(".csv") and not is_table(config)


def is_regression(config):
    """Whether labels are values, not classes. See `is_table`."""
    return config["data"] == "sinusoid" or is_table(config)


def is_endless(config):
    """Whether tasks are invented as they are needed, and none comes again. See `is_table`."""
    return config.get("environment") is not None or config["data"] in ("sinusoid", "glyphs")
