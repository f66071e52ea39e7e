"""The real tables: their names, where they come from, and reading them.

Those of scikit-learn come with it. The others are files of two public repositories, in folders of
the same names under `--data`:

    git clone https://github.com/jbrownlee/Datasets                   (d20fcb6)
    git clone https://github.com/vincentarelbundock/Rdatasets         (1dcc2bf)

Validation tables are those on which choices are made: of the prior, of the size of the network, of
when to stop. Evaluation tables are for the figures that are published, and for nothing else. No
table is in both, nor another table of the same data.
"""

import dataclasses
import pathlib

import numpy as np
import pandas as pd
from sklearn import datasets


@dataclasses.dataclass(frozen=True)
class Table:
    """A table.

    Args:
        name: str.
        file: str, the path of a file under `--data`, or the name of a function of scikit-learn.
        target: str, the column to predict; a column of a file without a header has its number as
            its name, and `-1` is the last one.
        drop: Tuple of columns to leave out: numbers of rows, and what gives the target away.
    """

    name: str
    file: str
    target: str = "-1"
    drop: tuple = ()


def _r(path, target, *drop, name=None):
    return Table(name or path.rpartition("/")[2], f"Rdatasets/csv/{path}.csv", target, drop)


def _csv(name, target="-1", *drop):
    return Table(name, f"Datasets/{name}.csv", target, drop)


VALIDATION = {
    "classes": (
        Table("wine", "load_wine", "target"),
        Table("digits", "load_digits", "target"),
        _csv("banknote_authentication"),
        _csv("haberman"),
        _csv("wheat-seeds"),
        _csv("phoneme"),
        _r("palmerpenguins/penguins", "sex", "year"),
        _r("MASS/crabs", "sp", "index"),
        _r("carData/Chile", "vote"),
        _r("ISLR/OJ", "Purchase"),
        _r("MASS/birthwt", "low", "bwt"),
        _r("carData/TitanicSurvival", "survived"),
    ),
    "numbers": (
        _r("ISLR/Carseats", "Sales"),
        _r("MASS/cpus", "perf", "name", "estperf"),
        _r("carData/Salaries", "salary"),
        _r("AER/HousePrices", "price"),
    ),
}

EVALUATION = {
    "classes": (
        Table("iris", "load_iris", "target"),
        Table("breast_cancer", "load_breast_cancer", "target"),
        _csv("pima-indians-diabetes"),
        _csv("ionosphere"),
        _csv("glass"),
        _csv("ecoli"),
        _csv("new-thyroid"),
        _csv("mammography"),
        _csv("german"),
        _csv("oil-spill", "-1", "0"),
        _csv("horse-colic", "23", "2"),
        _csv("winequality-red"),
        _r("DAAG/spam7", "yesno"),
        _r("DAAG/leafshape", "arch"),
        _r("DAAG/frogs", "pres.abs"),
        _r("DAAG/ais", "sport"),
        _r("rpart/stagec", "ploidy"),
        _r("modeldata/credit_data", "Status"),
        _r("modeldata/attrition", "Attrition"),
        _r("modeldata/hpc_data", "class"),
        _r("modeldata/scat", "Species"),
        _r("AER/HMDA", "deny"),
        _r("AER/PSID1976", "participation", "hours", "wage", "repwage"),
        _r("AER/SwissLabor", "participation"),
        _r("MASS/Melanoma", "status"),
        _r("MASS/survey", "Sex"),
        _r("Ecdat/Mathlevel", "mathlevel"),
        _r("ISLR/College", "Private"),
        _r("datasets/infert", "case", "stratum", "pooled.stratum"),
        _r("HSAUR/skulls", "epoch"),
        _r("Stat2Data/ICU", "Survive", "ID"),
    ),
    "numbers": (
        Table("diabetes", "load_diabetes", "target"),
        _csv("housing"),
        _csv("abalone"),
        _r("ISLR/Hitters", "Salary"),
        _r("ISLR/Credit", "Balance", "ID"),
        _r("ISLR/Auto", "mpg", "name"),
        _r("ISLR/Wage", "wage", "logwage"),
        _r("carData/Prestige", "prestige"),
        _r("AER/CPS1985", "wage"),
        _r("Ecdat/Diamond", "price"),
        _r("modeldata/Sacramento", "price", "zip"),
        _r("Stat2Data/GrinnellHouses", "SalePrice", "Date", "Address"),
    ),
}


def read(table, folder):
    """Reads a table.

    Args:
        table: `Table`.
        folder: Path of the folder with the two repositories.

    Returns:
        Pair of a data frame, in which columns of strings are categories, and the target `[rows]`.
        Rows without a target are left out, and so are classes of fewer than 10 rows.
    """
    if table.file.startswith("load_"):
        frame = getattr(datasets, table.file)(as_frame=True).frame
        if table.name == "digits":
            frame = _coarse(frame)
    else:
        path = pathlib.Path(folder) / table.file
        header = 0 if table.file.startswith("Rdatasets") else None
        frame = pd.read_csv(path, header=header, na_values=["?"], skipinitialspace=True)
    frame.columns = [str(name) for name in frame.columns]
    target = frame.columns[-1] if table.target == "-1" else table.target
    frame = frame[frame[target].notna()]
    y = frame[target].to_numpy()
    left_out = [target, *table.drop, "rownames"]
    frame = frame.drop(columns=[name for name in left_out if name in frame])
    for name in frame:
        if not pd.api.types.is_numeric_dtype(frame[name]):
            frame[name] = frame[name].astype(object).where(frame[name].notna(), None)
        elif frame[name].dtype == bool:
            frame[name] = frame[name].astype(float)
    if table in (*VALIDATION["classes"], *EVALUATION["classes"]):
        classes, inverse, counts = np.unique(y.astype(str), return_inverse=True, return_counts=True)
        kept = counts[inverse] >= 10
        y, frame = classes[inverse][kept], frame[kept]
    return frame.reset_index(drop=True), y


def _coarse(frame):
    """Digits of 4x4 pixels: 64 columns are more than the network takes."""
    pixels = frame.drop(columns="target").to_numpy().reshape(-1, 4, 2, 4, 2).mean((2, 4))
    coarse = pd.DataFrame(pixels.reshape(-1, 16))
    coarse["target"] = frame["target"]
    return coarse
