"""Where the repository is on the web."""

import configparser
import pathlib

ROOT = pathlib.Path(__file__).parents[2]


def link(path):
    """Returns a Markdown link to a file of the repository."""
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg")
    path = path.relative_to(ROOT)
    return f"[`{path}`]({parser['metadata']['url']}/blob/main/{path})"
