"""Zip archives from elsewhere, looked at before they are read: .npz and .keras files."""

import math
import os
import zipfile
from pathlib import PurePosixPath, PureWindowsPath

import numpy as np

_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def check(path):
    """Raises if an archive names places outside itself, or unpacks to more than fits.

    Args:
        path: Path of the file.

    Raises:
        ValueError: If it does, or the file is no archive.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, EOFError, NotImplementedError) as error:
        raise ValueError(
            f"The file is no archive, or damaged. Received: {path}: {error}"
        ) from error
    for entry in entries:
        paths = PurePosixPath(entry.filename), PureWindowsPath(entry.filename)
        if any(p.is_absolute() or p.drive or ".." in p.parts for p in paths):
            raise ValueError(
                "The archive names a place outside itself, as no file of this kind does. Received: "
                f"{path} with an entry {entry.filename!r}."
            )
    unpacked = sum(entry.file_size for entry in entries)
    if unpacked > most_bytes():
        raise ValueError(
            "The archive unpacks to more than half of this machine's memory. Received: "
            f"{path} of {os.path.getsize(path):,} bytes, unpacked {unpacked:,}."
        )


def check_arrays(path):
    """Raises if an array of an .npz file claims more elements than the file holds.

    Args:
        path: Path of the file.

    Raises:
        ValueError: If one does, or an entry is no array.
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


def most_bytes():
    """How much an archive may hold unpacked: half of the machine's memory."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
