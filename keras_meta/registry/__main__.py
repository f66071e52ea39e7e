"""Prints the README's tables of learners: `python -m keras_meta.registry`."""

from keras_meta.registry.tables import table

if __name__ == "__main__":
    print(*map(table, ("gradient", "embedding", "policy")), sep="\n\n")
