"""Reading of arrays from .npz files and pickles, without running code from them."""

import pickle
import zipfile

import numpy as np

_IMAGES, _LABELS = ("images", "x", "data"), ("labels", "y")


def _functions_of_arrays():
    """The only things by which a pickle of arrays is made, by where pickles look for them."""
    allowed = {("numpy", "ndarray"): np.ndarray, ("numpy", "dtype"): np.dtype}
    of_array, of_scalar = np.zeros(1).__reduce__()[0], np.float64(1).__reduce__()[0]
    # The modules moved in NumPy 2; files name those of the version that wrote them.
    for module in ("numpy.core.multiarray", "numpy._core.multiarray"):
        allowed[module, "_reconstruct"], allowed[module, "scalar"] = of_array, of_scalar
    for module in ("numpy.core.numeric", "numpy._core.numeric"):
        allowed[module, "_frombuffer"] = np.zeros(2).__reduce_ex__(5)[0]
    return {**allowed, ("collections", "OrderedDict"): dict, ("_codecs", "encode"): _encode}


def _encode(text, encoding):
    """How pickles of old protocols write bytes."""
    return text.encode(encoding)


class _ArrayUnpickler(pickle.Unpickler):
    """Reads arrays, numbers, strings, and lists and dicts of them."""

    allowed = _functions_of_arrays()

    def find_class(self, module, name):
        if (module, name) not in self.allowed:
            raise pickle.UnpicklingError(f"it contains {module}.{name}, which is not data")
        return self.allowed[module, name]


def read_pickle(path):
    """Reads a pickle of arrays, numbers and strings, of Python 2 or 3.

    Unlike the loader of the standard library, it runs no code that a file names.

    Args:
        path: Path of the file.

    Returns:
        What was pickled. Strings of Python 2 become `str`.

    Raises:
        ValueError: If the file is no pickle, or contains other things.
    """
    try:
        with open(path, "rb") as file:
            return _ArrayUnpickler(file, encoding="latin1").load()
    except (pickle.UnpicklingError, EOFError, AttributeError, IndexError, TypeError) as error:
        raise ValueError(
            f"The file cannot be read as a pickle of arrays. Received: {path}: {error}."
        ) from error


def read_npz(path):
    """Reads images and labels from an .npz file.

    Args:
        path: Path of a file with an array `images`, `x` or `data`, and `labels` or `y`.

    Returns:
        A tuple `(x, y)` of arrays.

    Raises:
        ValueError: If the file is not of this kind.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            names = [next((k for k in keys if k in file), None) for keys in (_IMAGES, _LABELS)]
            if None in names:
                raise ValueError(f"it has the arrays {sorted(file)}")
            x, y = (file[name] for name in names)
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(
            "The file must be an .npz with images in an array `images` or `x`, and a label for "
            f"each in `labels` or `y`. Received: {path}: {error}."
        ) from error
    if x.ndim != 4 or y.shape != x.shape[:1]:
        raise ValueError(
            "Images must be [examples, height, width, channels], with one label each. Received: "
            f"{path} with images of shape {x.shape} and labels of shape {y.shape}."
        )
    return x, y
