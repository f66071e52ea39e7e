"""What the network of tables can learn from, and the messages for what it cannot."""

MAX_ROWS, MAX_COLUMNS, MAX_CLASSES = 1_000, 50, 10


def check_table(rows, columns):
    """Raises a `ValueError` if a table has too many rows or columns to learn from."""
    if rows > MAX_ROWS or columns > MAX_COLUMNS:
        raise ValueError(
            f"The network learns from at most {MAX_ROWS:,} rows and {MAX_COLUMNS} columns. Pass a "
            "random sample of the rows, or the columns that matter, or use gradient boosting. "
            f"Received: {rows:,} rows, {columns} columns."
        )


def check_classes(classes):
    """Raises a `ValueError` if there are too few or too many classes."""
    if classes > MAX_CLASSES:
        raise ValueError(
            f"The network tells at most {MAX_CLASSES} classes apart. Join rare classes. "
            f"Received: {classes} classes."
        )
    if classes < 2:
        raise ValueError(
            "There must be at least two classes to tell apart. "
            f"Received: rows of {classes} class only."
        )
