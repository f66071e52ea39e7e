"""Refuses what does not fit into memory before it is allocated."""

import os
from pathlib import Path

# Of data, memory holds the array, the rows of the splits, and the tensors of their samplers.
COPIES_OF_DATA = 3

_CONTAINER_LIMITS = (
    "/sys/fs/cgroup/memory.max",
    "/sys/fs/cgroup/memory/memory.limit_in_bytes",
)


def available():
    """How many bytes the process can have: what the system has free, at most the container's."""
    limits = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
    for file in _CONTAINER_LIMITS:
        try:
            limits.append(int(Path(file).read_text()))
        except (OSError, ValueError):  # not there, or "max"
            pass
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        fields = dict(line.split(":", 1) for line in lines)
        limits.append(1024 * int(fields["MemAvailable"].split()[0]))
    except (OSError, KeyError):  # not Linux
        pass
    return min(limits)


def check_fits(num_bytes, received, remedy):
    """Raises if an allocation does not fit into the memory that is available.

    Args:
        num_bytes: int. What will be allocated at least.
        received: str. What it is for.
        remedy: str, a sentence.

    Raises:
        ValueError: If it does not fit.
    """
    limit = available()
    if num_bytes > limit:
        raise ValueError(
            f"There is not enough memory. Received: {received}: they need at least "
            f"{_gigabytes(num_bytes)}, and {_gigabytes(limit)} are available. {remedy}"
        )


def _gigabytes(num_bytes):
    return f"{num_bytes / 1e9:,.1f} GB"
