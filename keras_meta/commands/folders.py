"""Folders that commands write to."""


def make(path, argument):
    """Makes a folder and those above it, unless it exists.

    Args:
        path: `pathlib.Path`.
        argument: str, the name of the argument that named it.

    Raises:
        ValueError: If it cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(
            f"{argument} must be a folder that exists or can be made. Received: {path}: "
            f"{error.strerror}. Choose another."
        ) from error


def make_empty(path, argument):
    """Makes a folder, and checks that it holds nothing.

    Args:
        path: `pathlib.Path`.
        argument: str, the name of the argument that named it.

    Raises:
        ValueError: If it cannot be made, or holds something.
    """
    make(path, argument)
    if any(path.iterdir()):
        raise ValueError(
            f"{argument} must be a new or empty folder. Received: {path}, which holds files."
        )
