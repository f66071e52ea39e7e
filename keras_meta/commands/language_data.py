"""Languages as tasks: those that the package invents, and texts in a folder."""

import hashlib
import sys
from pathlib import Path

import numpy as np

from keras_meta import episodes
from keras_meta.commands import data_kinds, splits

# So that there are two to test on, without which there is no interval.
_FEWEST = 8


def load(config):
    """Makes the task distributions of a run.

    Args:
        config: dict, the options of `keras-meta train`.

    Returns:
        A function `(split, num_queries=None, num_shots=None)` that returns the `TaskDistribution`
        of a split, with the sizes of the run unless others are given. It has a `codec`.

    Raises:
        ValueError: If texts cannot be read, or there are too few of them.
    """
    if config["data"] == data_kinds.LANGUAGES:
        return _invented(config)
    lines = _read_folder(config["data"])
    texts = [hashlib.sha256("\n".join(of_one).encode()).hexdigest() for of_one in lines.values()]
    splits.check_unchanged(config, [*lines, *texts], "languages or texts")
    lines = _with_enough_text(lines, config)
    parts = _parts(lines, config)

    def distribution(split, num_queries=None, num_shots=None):
        sizes = num_shots or config["shots"], num_queries or config["queries"]
        try:
            return episodes.CharacterLanguages(
                {name: lines[name] for name in parts[split]},
                *sizes,
                config["length"],
                seed=splits.split_seed(config, split),
                in_turn=split != "train",
            )
        except ValueError as error:
            raise ValueError(
                f"The {split} languages have too little text for --shots {sizes[0]} --queries "
                f"{sizes[1]}. {error}"
            ) from error

    return distribution


def codec(config):
    """Returns the `episodes.Characters` of a run, without reading its data."""
    if config["data"] == data_kinds.LANGUAGES:
        return episodes.SyntheticLanguages().codec
    return episodes.Characters()


def description(config, train, validation):
    """Returns what is trained, and on which tasks."""
    network = Path(config["network"]).name
    if config["data"] == data_kinds.LANGUAGES:
        of_languages = "languages invented for each task"
    else:
        of_languages = f"{len(train.names)} languages, {len(validation.names)} more to validate"
    return (
        f"{config['learner']} on {network}, {of_languages}: {train.num_shots} passages of "
        f"{train.length} symbols to learn from, {train.num_queries} to predict. The first "
        f"{config['pooled_iterations']} iterations train one model of all languages."
    )


def read_text(path):
    """Reads the lines of a text file that are not empty.

    Args:
        path: Path.

    Returns:
        List of strs.

    Raises:
        ValueError: If the file cannot be read as UTF-8.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"A text must be in UTF-8. Received: {path}, whose byte {error.start} is "
            f"0x{error.object[error.start]:02x}. Convert it, for example with `iconv -f "
            "windows-1252 -t utf-8`."
        ) from error
    except OSError as error:
        raise ValueError(f"The text cannot be read. Received: {path}: {error.strerror}.") from error
    stripped = (line.strip() for line in text.splitlines())
    return [line for line in stripped if line]


def _invented(config):
    def distribution(split, num_queries=None, num_shots=None):
        return episodes.SyntheticLanguages(
            num_shots or config["shots"],
            num_queries or config["queries"],
            config["length"],
            seed=splits.split_seed(config, split),
        )

    return distribution


def _read_folder(folder):
    """Returns the lines of each text in a folder, by name."""
    paths = sorted(Path(folder).glob("*.txt"))
    if not paths:
        raise ValueError(
            f"--data must be a folder of .txt files, one for each language. Received: {folder}, "
            "which has none or is gone."
        )
    return {path.stem: read_text(path) for path in paths}


def _with_enough_text(lines, config):
    """Returns the languages that have text for tasks of the run. A note names the others."""
    sizes = config["shots"], config["queries"], config["length"]
    kept = {name: of_one for name, of_one in lines.items() if _fits(of_one, *sizes)}
    small = [name for name in lines if name not in kept]
    if small:
        support, query = (number * (config["length"] + 1) for number in sizes[:2])
        print(
            f"keras-meta: note: {len(small)} of {len(lines)} texts are too short, and are left "
            f"out: {', '.join(small[:10])}{', ...' * (len(small) > 10)}. A task learns from "
            f"{support:,} bytes and predicts {query:,}, which have no line in common (--shots, "
            "--queries, --length).",
            file=sys.stderr,
        )
    return kept


def _fits(lines, *sizes):
    try:
        episodes.CharacterLanguages({"": lines}, *sizes)
    except ValueError:
        return False
    return True


def _parts(lines, config):
    """Returns the names of the languages of each split."""
    names = np.array(list(lines))
    if len(names) < _FEWEST:
        raise ValueError(
            f"There must be at least {_FEWEST} languages with enough text, to divide them into "
            f"training, validation and test. Received: {config['data']} with {len(names)}. Add "
            "texts, or choose smaller values of --shots, --queries or --length."
        )
    parts = episodes.split_classes(names, seed=config["seed"])._asdict()
    return {split: names[rows].tolist() for split, rows in parts.items()}
