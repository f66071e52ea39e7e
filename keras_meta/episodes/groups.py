"""Tasks from a table in which a column says whose row each row is."""

from keras_meta.episodes import grouped_table
from keras_meta.episodes.grouped_episodes import GroupedEpisodes


def from_groups(
    table,
    task,
    x=None,
    y=None,
    num_support=5,
    num_queries=10,
    order=None,
    from_start=False,
    apart=None,
    categories=(),
    missing="error",
    seed=0,
):
    """Makes regression tasks of a table, in which a column says whose row each row is.

    Args:
        table: dict of one-dimensional arrays or lists; a pandas `DataFrame`; or the path of a
            `.csv` file, which is read in chunks, or of a `.parquet` file, which pyarrow reads.
        task: str. The column of the groups, each of which is a task: users, sites, sensors.
        x: Name or list of names of the feature columns, or `None` for all that no other argument
            names. A column of numbers is a feature; a column of strings holds categories.
        y: str. The column of the target, numbers.
        num_support: int, or pair `(low, high)` between which it is drawn. Rows to learn from.
        num_queries: int. The largest number of rows to predict.
        order: str. A column of numbers or ISO dates: support rows come before query rows. By
            default rows are drawn at random.
        from_start: bool. Whether a support set is the first rows of a group in this order, instead
            of a window anywhere.
        apart: str. A column of which no value is in two of the parts that `split` returns, such as
            the hospital of a patient, or the item of a rating. By default, `task`.
        categories: Names of columns of `x` that hold categories although they look like numbers,
            such as ids and postcodes.
        missing: `"error"` to refuse missing values. `"mask"` to accept them: each column of numbers
            `c` is accompanied by `c_present`, which is 0 where it has none; missing categories are
            unknown ones; and rows without `y` are left out.
        seed: int. The stream of episodes is a function of it.

    Returns:
        A `GroupedEpisodes`.

    Raises:
        ValueError: If the table cannot be used: a missing column, a value that is not a number.
        TypeError: If `table` is something else.
        ImportError: If a Parquet file needs a package that is not installed.

    Example:

    ```python
    import numpy as np
    import keras_meta

    random = np.random.default_rng(0)
    patients = {
        "patient": np.repeat(np.arange(50), 8),
        "age": np.repeat(random.uniform(20, 80, 50), 8),
        "drug": random.choice(["none", "old", "new"], 400),
        "pressure": random.normal(120, 15, 400),
    }
    tasks = keras_meta.episodes.from_groups(
        patients, task="patient", y="pressure", num_support=(1, 5)
    )
    train, validation, test = tasks.split()
    network = keras_meta.networks.table_network(train)
    ```
    """
    if y is None:
        raise ValueError("`y` must name the column of the target. Received: y=None.")
    grouped = grouped_table.read(table, task, x, y, order, apart, categories, missing)
    return GroupedEpisodes(
        grouped, num_support, num_queries, order is not None, from_start, missing, seed
    )
