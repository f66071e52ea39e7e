"""Prints the tables of learners, and with `--stubs` writes what editors read.

python -m keras_meta.registry
python -m keras_meta.registry --stubs
"""

import sys

from keras_meta.registry import stubs
from keras_meta.registry.tables import table

if __name__ == "__main__":
    if "--stubs" in sys.argv:
        for package in stubs.PACKAGES:
            stubs.file(package).write_text(stubs.stub(package))
    else:
        print(*map(table, ("gradient", "embedding", "policy")), sep="\n\n")
