"""How training shows its progress."""

import sys


def verbosity():
    """Returns `verbose` of `fit`: a bar on a terminal, elsewhere a line per epoch.

    In a file, each state of a bar would be a line.
    """
    return 1 if sys.stdout.isatty() else 2
