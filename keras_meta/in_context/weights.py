"""The weights of the network of tables that the library brings along."""

import hashlib
import io
import json
import pathlib

import numpy as np

FOLDER = pathlib.Path(__file__).parent / "weights"


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
    path = FOLDER / "tables.npz" if path is None else pathlib.Path(path)
    card_path = path.with_suffix(".json")
    for file in (path, card_path):
        if not file.exists():
            raise FileNotFoundError(
                "There are no weights of a network of tables. Train one with `python -m "
                f"keras_meta.in_context.train --folder FOLDER`. Received: {file}."
            )
    card, data = json.loads(card_path.read_text()), path.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    if digest != card["sha256"]:
        raise ValueError(
            f"{path.name} is not the file that {card_path.name} describes: it is damaged or was "
            f"changed. Received: SHA-256 {digest} instead of {card['sha256']}."
        )
    from keras_meta.networks.table_transformer import TableTransformer

    network = TableTransformer(**card["network"])
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
