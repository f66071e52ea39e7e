"""Ratings of books split into users and books to learn from, to choose by and to test with.

Users are split 64 : 16 : 20, and books 85 : 5 : 10. Training uses the ratings that training users
gave to the first part of the books; the others are new books, without a single rating.
"""

import csv
import pathlib
import re
from typing import NamedTuple

import numpy as np

MOST_KNOWN = 20
LEAST_HELD_BACK = 5


class Ratings(NamedTuple):
    """Ratings that users gave to books.

    Attributes:
        user: int array `[ratings]`.
        book: int array `[ratings]`, positions in the list of all books.
        value: float array `[ratings]`.
    """

    user: np.ndarray
    book: np.ndarray
    value: np.ndarray

    def rows(self, rows):
        """Returns these ratings."""
        return Ratings(*(column[rows] for column in self))

    def matrix(self, books, values=None):
        """Returns a dense matrix `[users, books]` of values, 0 where there is no rating."""
        _, row = np.unique(self.user, return_inverse=True)
        found = np.zeros((row.max() + 1, books), "float32")
        found[row, self.book] = self.value if values is None else values
        return found


class Users(NamedTuple):
    """Users who are new: what is known of each, and what is to be predicted.

    Attributes:
        known_book: int array `[users, 20]`, in random order, so that the first 5 are 5 at random.
        known_value: float array `[users, 20]`.
        held_back: `Ratings` of other books that training users have rated; `user` is a row here.
        new_books: `Ratings` of books without ratings of training users.
    """

    known_book: np.ndarray
    known_value: np.ndarray
    held_back: Ratings
    new_books: Ratings


class Data(NamedTuple):
    """What `load` returns.

    Attributes:
        train: `Ratings` of the training users.
        validation: `Users`.
        test: `Users`.
        features: dict, name of a column to an array `[books]` of strs.
        seen: bool array `[books]`, the books that training users may have rated.
    """

    train: Ratings
    validation: Users
    test: Users
    features: dict
    seen: np.ndarray


def load(folder, seed=0):
    """Reads `ratings.csv` and `books.csv`.

    Args:
        folder: str.
        seed: int. The split is a function of it.

    Returns:
        A `Data`.
    """
    folder = pathlib.Path(folder)
    user, number, value = np.loadtxt(
        folder / "ratings.csv", skiprows=1, delimiter=",", dtype="int64"
    ).T
    with (folder / "books.csv").open(encoding="utf-8") as file:
        rows = {int(row["book_id"]): row for row in csv.DictReader(file)}
    numbers = np.array(sorted(rows))
    ratings = Ratings(user, np.searchsorted(numbers, number), value.astype("float32"))
    random = np.random.default_rng(seed)
    users = random.permutation(np.unique(user))
    part_of_user = np.searchsorted([0.64, 0.80], np.arange(len(users)) / len(users), "right")
    part_of_user = part_of_user[np.argsort(users)][np.unique(user, return_inverse=True)[1]]
    part_of_book = random.permutation(
        np.searchsorted([0.85, 0.90], np.arange(len(numbers)) / len(numbers), "right")
    )
    of_book = part_of_book[ratings.book]
    validation, test = (
        new_users(
            ratings.rows((part_of_user == part) & (of_book == 0)),
            ratings.rows((part_of_user == part) & (of_book == part)),
            random,
        )
        for part in (1, 2)
    )
    return Data(
        ratings.rows((part_of_user == 0) & (of_book == 0)),
        validation,
        test,
        book_features([rows[n] for n in numbers.tolist()]),
        part_of_book == 0,
    )


def new_users(ratings, of_new_books, random):
    """Returns the `Users` of these ratings who have enough of them."""
    ratings = ratings.rows(random.permutation(len(ratings.user)))
    ratings = ratings.rows(np.argsort(ratings.user, kind="stable"))
    names, first, count = np.unique(ratings.user, return_index=True, return_counts=True)
    enough = count >= MOST_KNOWN + LEAST_HELD_BACK
    names, first = names[enough], first[enough]
    known = first[:, None] + np.arange(MOST_KNOWN)

    def numbered(found):
        found = found.rows(np.isin(found.user, names))
        return found._replace(user=np.searchsorted(names, found.user))

    held_back = numbered(ratings.rows(np.setdiff1d(np.arange(len(ratings.user)), known)))
    return Users(ratings.book[known], ratings.value[known], held_back, numbered(of_new_books))


def book_features(rows):
    """What `books.csv` says of each book: columns of categories, as arrays of strs.

    The average rating of a book is not among them: it would include the ratings that are to be
    predicted, and those of books that are meant to be new.
    """

    def authors(row):
        return [name.strip() for name in row["authors"].split(",")] + ["", ""]

    def series(row):
        found = re.search(r"\(([^()#]+?),? *#", row["title"])
        return found[1].strip() if found else ""

    def decade(row):
        year = row["original_publication_year"]
        return str(int(float(year)) // 10) if year else ""

    columns = {
        "author": [authors(row)[0] for row in rows],
        "second_author": [authors(row)[1] for row in rows],
        "series": [series(row) for row in rows],
        "decade": [decade(row) for row in rows],
        "language": [row["language_code"][:2] for row in rows],
    }
    return {name: np.array(values, object) for name, values in columns.items()}
