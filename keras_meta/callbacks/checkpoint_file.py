"""Checkpoints that are written atomically: arrays and plain values in one file with a checksum.

The file of step `n` is `step-<n>.npz`, as `numpy.load` reads it, followed by its SHA-256.
"""

import collections
import contextlib
import hashlib
import io
import json
import os
import warnings

import numpy as np

_DIGEST_BYTES = hashlib.sha256().digest_size
_VALUES = "values"

Checkpoint = collections.namedtuple("Checkpoint", ["step", "arrays", "values"])
Checkpoint.__doc__ = """The contents of a checkpoint.

Attributes:
    step: int. The step after which it was written.
    arrays: dict, name to array.
    values: Any value that JSON can represent.
"""


@contextlib.contextmanager
def replaced_when_complete(path):
    """Yields a temporary path to write to, and renames that file to `path` on success.

    If the program or the machine stops while the file is being written, the old file remains, never
    a partial new one.

    Args:
        path: `pathlib.Path` of the file.
    """
    temporary = path.with_name(f".{os.getpid()}-{path.name}")
    try:
        yield temporary
        _to_disk(temporary)
        os.replace(temporary, path)
        _to_disk(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def write(folder, checkpoint, keep=None):
    """Writes a checkpoint, then removes all others except one.

    Args:
        folder: `pathlib.Path`.
        checkpoint: `Checkpoint`.
        keep: int. The step of an earlier checkpoint to keep, in case the new one gets damaged.
    """
    folder.mkdir(parents=True, exist_ok=True)
    buffer = io.BytesIO()
    np.savez(buffer, **checkpoint.arrays, **{_VALUES: json.dumps(checkpoint.values)})
    content = buffer.getvalue()
    path = _path(folder, checkpoint.step)
    with replaced_when_complete(path) as temporary:
        temporary.write_bytes(content + hashlib.sha256(content).digest())
    kept = {path, _path(folder, keep)} if keep is not None else {path}
    # The pattern also matches partial files that a killed process has left.
    for old in set(folder.glob("*step-*.npz")) - kept:
        old.unlink(missing_ok=True)


def read_newest(folder):
    """Returns the newest undamaged checkpoint, or `None` if the folder has no checkpoints.

    Args:
        folder: `pathlib.Path`.

    Raises:
        ValueError: If there are checkpoints and all of them are damaged.
    """
    paths = sorted(folder.glob("step-*.npz"), reverse=True)
    for path in paths:
        content = path.read_bytes()
        content, digest = content[:-_DIGEST_BYTES], content[-_DIGEST_BYTES:]
        if hashlib.sha256(content).digest() == digest:
            with np.load(io.BytesIO(content), allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
            values = json.loads(str(arrays.pop(_VALUES)))
            return Checkpoint(int(path.stem.partition("-")[2]), arrays, values)
        warnings.warn(
            f"The checkpoint {path} is damaged. The one before it is used instead.", stacklevel=2
        )
    if paths:
        raise ValueError(
            "No checkpoint can be read: all are damaged. Remove them to train from the start. "
            f"Received: {', '.join(map(str, paths))}."
        )
    return None


def _path(folder, step):
    return folder / f"step-{step:012d}.npz"


def _to_disk(path):
    """Waits until a file, or the list of files in a folder, has been written to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
