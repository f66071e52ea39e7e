"""The weights of the network of tables that the library brings along."""

import hashlib
import io
import json
import pathlib

import numpy as np

FOLDER = pathlib.Path(__file__).parent / "trained"


def read_card(path=None):
    """Returns what is known of the weights of a network of tables, such as how they were made.

    Args:
        path: See `read_network`.

    Returns:
        dict.

    Raises:
        FileNotFoundError: If there are no such weights.
    """
    path = _path(path)
    described = path.with_suffix(".json")
    for file in (path, described):
        if not file.exists():
            raise FileNotFoundError(
                "There are no weights of a network of tables. Train one with `python -m "
                f"keras_meta.in_context.train --folder FOLDER`. Received: {file}."
            )
    return json.loads(described.read_text())


def _path(path):
    return FOLDER / "tables.npz" if path is None else pathlib.Path(path)


def read_network(path=None):
    """Reads a network of tables.

    The file is plain arrays, read without pickles, and must have the digest that its card says.

    Args:
        path: Path of a `.npz` file that `train` wrote, beside its `.json` card. Defaults to the
            weights of the library.

    Returns:
        A `keras_meta.networks.table_transformer.TableTransformer`.

    Raises:
        FileNotFoundError: If there are no such weights.
        ValueError: If the file is not what its card describes.
    """
    path, described = _path(path), read_card(path)
    data = path.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    if digest != described["sha256"]:
        raise ValueError(
            f"{path.name} is not the file that its card describes: it is damaged or was changed. "
            f"Received: SHA-256 {digest} instead of {described['sha256']}."
        )
    from keras_meta.networks.table_transformer import TableTransformer

    network = TableTransformer(**described["network"])
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        values = [arrays[name] for name in sorted(arrays.files)]
    for variable, value in zip(network.variables, values, strict=True):
        variable.assign(value.astype("float32"))
    return network


def write_network(path, network, values, card):
    """Writes the weights of a network, float16, and their card.

    Args:
        path: `pathlib.Path` of the `.npz` file.
        network: A `TableTransformer`.
        values: List of arrays, one for each of `network.variables`.
        card: dict, what else is to be known of them.
    """
    file = io.BytesIO()
    arrays = {f"{n:03d}": np.asarray(value).astype("float16") for n, value in enumerate(values)}
    np.savez(file, **arrays)
    data = file.getvalue()
    card = {"sha256": hashlib.sha256(data).hexdigest(), "network": network.settings, **card}
    path.write_bytes(data)
    path.with_suffix(".json").write_text(json.dumps(card, indent=1) + "\n")
