"""The kind of data of a run, which its options tell before anything is read."""


def is_text(config):
    """Whether a run is on texts.

    Args:
        config: dict, the options of `keras-meta train`.
    """
    return str(config["data"]).endswith(".csv")
