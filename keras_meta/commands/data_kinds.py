"""The kind of data of a run, which its options tell before anything is read."""


def is_table(config):
    """Whether a run is on a table whose rows belong to groups, each of which is a task.

    Args:
        config: dict, the options of `keras-meta train`.
    """
    return config.get("task") is not None


def is_text(config):
    """Whether a run is on texts. See `is_table`."""
    return str(config["data"]).endswith(".csv") and not is_table(config)


def is_regression(config):
    """Whether labels are values, not classes. See `is_table`."""
    return config["data"] == "sinusoid" or is_table(config)
