"""Reads columns of CSV files a chunk at a time, and says in which line what is wrong."""

import csv
from pathlib import Path
from typing import NamedTuple

# Rows of a chunk: a few megabytes of Python strings, whatever the size of the file.
CHUNK = 50_000


class Chunk(NamedTuple):
    """Consecutive rows of some columns.

    Attributes:
        lines: List of ints, the line of the file in which each row ends.
        columns: dict, name to list of strings.
    """

    lines: list
    columns: dict


def read(path, columns=None, optional=(), size=CHUNK):
    """Reads columns of a CSV file with a header, in bounded memory.

    The file is in UTF-8, with or without a byte order mark, with any line endings. Fields are
    separated by commas, and may be quoted. Spaces around a field do not belong to it.

    Args:
        path: Path of the file.
        columns: List of the names of the columns to read, or `None` for all.
        optional: Names of columns to read as well, if there are such.
        size: int. Number of rows of a chunk.

    Yields:
        `Chunk`s of at most `size` rows; at least one, which is not empty.

    Raises:
        ValueError: If the file cannot be read, lacks a column or a field, or has no rows.

    Example:

    ```python
    import pathlib
    import tempfile
    from keras_meta.episodes import csv_chunks

    file = pathlib.Path(tempfile.mkdtemp(), "intents.csv")
    file.write_text('text,label\\n"stop, please",stop\\ngo,go\\n')
    chunks = list(csv_chunks.read(file, ["text"], size=1))
    assert chunks[0] == ([2], {"text": ["stop, please"]}) and len(chunks) == 2
    ```
    """
    try:
        with Path(path).open(encoding="utf-8-sig", newline="") as file:
            # Strictly, because an unclosed quote would otherwise swallow the rest of the file.
            yield from _chunks(path, csv.reader(file, strict=True), columns, optional, size)
    except OSError as error:
        raise ValueError(f"The file cannot be read. Received: {path}: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise ValueError(
            "A CSV file must be in UTF-8. Save it with this encoding. Received: "
            f"{path}, with byte 0x{error.object[error.start]:02x}, which UTF-8 does not have there."
        ) from error


def _chunks(path, reader, columns, optional, size):
    rows = _rows(path, reader)
    header = [x.strip() for x in next(rows, [])]
    if columns is None:
        columns = header
    present = [name for name in optional if name in header and name not in columns]
    places, lines, chunk = None, [], []
    for row in rows:
        if places is None:
            places = _positions(path, header, [*columns, *present])
        if len(row) != len(header):
            raise ValueError(
                "Every row needs as many fields as the header. Add what is missing, and put quotes "
                f"around fields that contain commas. Received: {path}: line {reader.line_num} with "
                f"{len(row)} fields instead of {len(header)}."
            )
        lines.append(reader.line_num)
        chunk.append(row)
        if len(chunk) == size:
            yield _chunk(lines, chunk, places)
            lines, chunk = [], []
    if places is None:
        raise ValueError(
            "A CSV file needs a header with the names of its columns, and at least one row. "
            f"Received: {path} with {int(bool(header))} lines that are not empty."
        )
    if chunk:
        yield _chunk(lines, chunk, places)


def _rows(path, reader):
    """Yields the rows that are not empty."""
    try:
        for row in reader:
            if row:
                yield row
    except csv.Error as error:
        raise ValueError(
            "The file cannot be read as CSV. Quotes around a field must be closed, and doubled "
            f"inside. Received: {path}: line {reader.line_num}: {error}."
        ) from error


def _chunk(lines, rows, places):
    return Chunk(lines, {name: [row[k].strip() for row in rows] for name, k in places.items()})


def _positions(path, header, columns):
    for name in columns:
        if header.count(name) != 1:
            problem = "lacks a column" if name not in header else "has a column twice"
            raise ValueError(
                f"The file {problem}. Received: {path} with columns {header}, where {name!r} must "
                "be one of them, once. Columns are separated by commas. Name others, or rename "
                "the columns of the file."
            )
    return {name: header.index(name) for name in columns}
