"""Reads the Universal Declaration of Human Rights: languages, articles, scripts, nearness.

All texts are translations of one text. Articles 1 to 15 and the preamble are what learners are
trained on and adapt to; articles 16 to 30 are what unseen languages are measured on, and are not
seen in any language before.
"""

import collections
import pathlib
import unicodedata

import numpy as np

ARTICLES, FIRST_OF_QUERIES = 30, 16
LEAST = 3000  # characters; some files have hardly any text

Language = collections.namedtuple("Language", ["name", "script", "lines", "query_lines"])
Language.__doc__ = """A form of a language.

Attributes:
    name: str, ISO 639-3 code with an optional suffix.
    script: str, such as "LATIN".
    lines: List of strs, of the preamble and articles 1 to 15.
    query_lines: List of strs, of articles 16 to 30; `None` if articles could not be told apart.
"""


def blocks(text):
    """Returns the blocks of a text, each a list of lines: a title, a preamble, articles.

    A block begins after an empty line, and is not indented further than a title. Numbered
    paragraphs of an article, which have empty lines between them as well, are.
    """
    found, after_empty = [], True
    for line in text.split("\n"):
        if not line.strip():
            after_empty = True
            continue
        if not found or (after_empty and len(line) - len(line.lstrip()) <= 6):
            found.append([])
        found[-1].append(line.strip())
        after_empty = False
    return found


def number_in(title):
    """Returns the number in a title, in any script, or `None`."""
    digits = [unicodedata.digit(c, None) for c in title]
    digits = [d for d in digits if d is not None]
    return int("".join(map(str, digits))) if digits else None


def read(path):
    """Returns the `Language` in a file, or `None` if it has hardly any text."""
    text = path.read_text(encoding="utf-8")
    if len(text) < LEAST:
        return None
    found = blocks(text)
    articles = found[-ARTICLES:]
    # A language with no or other numbers in its titles is told by the number of its blocks alone.
    numbers = [number_in(article[0]) for article in articles]
    right = sum(n in (None, i + 1) for i, n in enumerate(numbers))
    if not ARTICLES < len(found) <= ARTICLES + 3 or right < ARTICLES - 2:
        lines = [line for block in found for line in block]
        # Where articles are not marked, the first third is before article 16 in every language.
        end = np.searchsorted(np.cumsum([len(line) for line in lines]), 0.35 * len(text))
        return Language(path.stem, script(text), lines[: end + 1], None)
    first = [line for block in found[:-ARTICLES] for line in block]
    # Titles are left out: "Article 5" tells nothing of a language.
    of_articles = [article[1:] if len(article) > 1 else article for article in articles]
    cut = FIRST_OF_QUERIES - 1
    lines = [line for article in of_articles[:cut] for line in article]
    queries = [line for article in of_articles[cut:] for line in article]
    return Language(path.stem, script(text), first + lines, queries)


def script(text):
    """Returns the script of the most frequent letter."""
    letters = collections.Counter(c for c in text if c.isalpha())
    return unicodedata.name(letters.most_common(1)[0][0]).split()[0]


def load(folder, scripts=None):
    """Returns the languages of a folder, by name.

    Args:
        folder: Path of the folder of texts.
        scripts: List of scripts to keep, such as `["LATIN"]`; or `None` for all.
    """
    found = [read(path) for path in sorted(pathlib.Path(folder).glob("*.txt"))]
    return {x.name: x for x in found if x and (scripts is None or x.script in scripts)}


def split(languages, validation=0.1, test=0.2, seed=0):
    """Splits the names of languages into train, validation and test.

    Forms of one language, whose first three letters are the same, are on one side. Languages whose
    articles could not be told apart are for training.
    """
    groups = collections.defaultdict(list)
    for name in languages:
        groups[name[:3]].append(name)
    clean = [key for key in sorted(groups) if all(languages[n].query_lines for n in groups[key])]
    order = np.random.default_rng(seed).permutation(len(clean))
    counts = [round(part * len(groups)) for part in (validation, test)]
    held_out = {"validation": order[: counts[0]], "test": order[counts[0] : sum(counts)]}
    parts = {
        # One form of each language, or those with many would count more.
        part: sorted(groups[clean[i]][0] for i in chosen)
        for part, chosen in held_out.items()
    }
    used = {clean[i] for chosen in held_out.values() for i in chosen}
    train = sorted(name for key, names in groups.items() if key not in used for name in names)
    return {"train": train, **parts}


def nearness(languages, names, others):
    """Returns the similarity of each language to the most similar of others.

    It is the cosine of the frequencies of trigrams in the lines to adapt to.

    Returns:
        dict, name to `(name of the most similar, similarity)`.
    """

    def trigrams(name):
        text = "\n".join(languages[name].lines).lower()
        return collections.Counter(text[i : i + 3] for i in range(len(text) - 2))

    counts = {name: trigrams(name) for name in {*names, *others}}
    norms = {name: sum(n * n for n in c.values()) ** 0.5 for name, c in counts.items()}

    def similarity(a, b):
        product = sum(n * counts[b].get(gram, 0) for gram, n in counts[a].items())
        return product / (norms[a] * norms[b])

    found = {}
    for name in names:
        nearest = max(others, key=lambda other: similarity(name, other))
        found[name] = nearest, round(similarity(name, nearest), 4)
    return found
