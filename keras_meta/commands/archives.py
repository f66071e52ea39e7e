"""Checks of zip archives from elsewhere, .npz and .keras files, before they are read."""

import math
import os
import zipfile
from pathlib import PurePosixPath, PureWindowsPath

import numpy as np

from keras_meta.commands import memory

_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def check(path):
    """Raises if an archive names places outside itself, or unpacks to more than memory holds.

    Args:
        path: Path of the file.

    Raises:
        ValueError: If it does, or the file is not an archive.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, EOFError, NotImplementedError) as error:
        raise ValueError(
            f"The file is not an archive, or is damaged. Received: {path}: {error}"
        ) from error
    for entry in entries:
        paths = PurePosixPath(entry.filename), PureWindowsPath(entry.filename)
        if any(p.is_absolute() or p.drive or ".." in p.parts for p in paths):
            raise ValueError(
                "The archive names a place outside itself, as no file of this kind does. Received: "
                f"{path} with an entry {entry.filename!r}."
            )
    unpacked = sum(entry.file_size for entry in entries)
    memory.check_fits(
        memory.COPIES_OF_DATA * unpacked,
        f"the contents of {path}, {os.path.getsize(path):,} bytes, unpacked {unpacked:,}",
        "Use a smaller one.",
    )


def check_arrays(path):
    """Raises if an array of an .npz file claims more elements than the file holds.

    Args:
        path: Path of the file.

    Raises:
        ValueError: If one does, or an entry is not an array.
    """
    check(path)
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            with archive.open(entry) as file:
                version = np.lib.format.read_magic(file)
                if version not in _HEADERS:
                    raise ValueError(f"array format {version} is unknown")
                shape, _, dtype = _HEADERS[version](file)
                held = entry.file_size - file.tell()
            claimed = math.prod(shape) * dtype.itemsize
            if not dtype.hasobject and claimed != held:
                raise ValueError(
                    f"{entry.filename} claims {claimed:,} bytes, of shape {shape}, and holds "
                    f"{held:,}."
                )
