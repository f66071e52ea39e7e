"""Reads columns of CSV files whole."""

from keras_meta.episodes import csv_chunks


def read(path, columns, optional=(), may_be_empty=()):
    """Reads columns of a CSV file with a header. See `episodes.csv_chunks`.

    Args:
        path: Path of the file.
        columns: List of the names of the columns to read.
        optional: Names of columns to read as well, if there are such.
        may_be_empty: Names of columns whose fields may be empty.

    Returns:
        dict, name to list of strings.

    Raises:
        ValueError: If the file cannot be read, lacks a column or a field, or has no rows.

    Example:

    ```python
    import pathlib
    import tempfile
    from keras_meta.commands import csv_files

    file = pathlib.Path(tempfile.mkdtemp(), "intents.csv")
    file.write_text('text,label\\n"stop, please",stop\\n')
    assert csv_files.read(file, ["text"]) == {"text": ["stop, please"]}
    ```
    """
    found = {}
    for lines, chunk in csv_chunks.read(path, columns, optional):
        for name, values in chunk.items():
            if name not in may_be_empty and "" in values:
                raise ValueError(
                    f"Every row needs a {name}. Fill it in, or remove the row. Received: {path}: "
                    f"line {lines[values.index('')]} with an empty field {name!r}."
                )
            found.setdefault(name, []).extend(values)
    return found
