"""Runs the command line: `python -m keras_meta`."""

import sys

from keras_meta.cli import main

if __name__ == "__main__":
    sys.exit(main())
