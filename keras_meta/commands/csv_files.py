"""Reads columns of CSV files, and says in which line what is wrong."""

import csv
from pathlib import Path


def read(path, columns, optional=(), may_be_empty=()):
    """Reads columns of a CSV file with a header.

    The file is in UTF-8, with or without a byte order mark, with any line endings. Fields are
    separated by commas, and may be quoted. Spaces around a field do not belong to it.

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
    try:
        # Strictly, because an unclosed quote would otherwise swallow the rest of the file.
        with Path(path).open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            lines = [(reader.line_num, [x.strip() for x in row]) for row in reader if row]
    except OSError as error:
        raise ValueError(f"The file cannot be read. Received: {path}: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise ValueError(
            "A CSV file must be in UTF-8. Save it with this encoding. Received: "
            f"{path}, with byte 0x{error.object[error.start]:02x}, which UTF-8 does not have there."
        ) from error
    except csv.Error as error:
        raise ValueError(
            "The file cannot be read as CSV. Quotes around a field must be closed, and doubled "
            f"inside. Received: {path}: line {reader.line_num}: {error}."
        ) from error
    if len(lines) < 2:
        raise ValueError(
            "A CSV file needs a header with the names of its columns, and at least one row. "
            f"Received: {path} with {len(lines)} lines that are not empty."
        )
    (_, header), *rows = lines
    present = [name for name in optional if name in header and name not in columns]
    positions = _positions(path, header, [*columns, *present])
    for number, row in rows:
        if len(row) != len(header):
            raise ValueError(
                "Every row needs as many fields as the header. Add what is missing, and put quotes "
                f"around fields that contain commas. Received: {path}: line {number} with "
                f"{len(row)} fields instead of {len(header)}."
            )
        for name, position in positions.items():
            if not row[position] and name not in may_be_empty:
                raise ValueError(
                    f"Every row needs a {name}. Fill it in, or remove the row. Received: {path}: "
                    f"line {number} with an empty field {name!r}."
                )
    return {name: [row[k] for _, row in rows] for name, k in positions.items()}


def _positions(path, header, columns):
    for name in columns:
        if header.count(name) != 1:
            problem = "lacks a column" if name not in header else "has a column twice"
            raise ValueError(
                f"The file {problem}. Received: {path} with columns {header}, where {name!r} must "
                "be one of them. Columns are separated by commas. Name the one to use with an "
                "option such as --text or --label."
            )
    return {name: header.index(name) for name in columns}
