"""Writes the sources of the site, and checks the site that was built of them.

    python docs/site write    # docs and what is generated, into build/docs
    python docs/site check    # links, anchors and pictures of build/site; nothing from a network

`make docs` does both, with the generator in between.
"""

import pathlib
import shutil
import sys

import check
import example
import notebook_pages
import reference
import results
import tables

ROOT = pathlib.Path(__file__).parents[2]
SOURCE, SITE = ROOT / "build" / "docs", ROOT / "build" / "site"


def write(folder=SOURCE):
    """Copies the pages written by hand and adds those that are generated."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(ROOT / "docs", folder, ignore=shutil.ignore_patterns("site", "*.py", "__*"))
    results.write(ROOT / "benchmarks" / "results", folder)
    notebook_pages.write(ROOT / "notebooks", folder / "notebooks")
    example.write(ROOT / "examples" / "few_shot_characters.py", folder / "example.md")
    reference.write(folder / "reference")
    tables.insert(folder, ROOT / "benchmarks" / "results")
    for name in ("CHANGELOG", "CONTRIBUTING"):
        text = (ROOT / f"{name}.md").read_text()
        (folder / f"{name.lower()}.md").write_text(text.replace("](docs/", "]("))


def main(command):
    if command == "write":
        write()
    elif command == "check":
        faults = check.faults(SITE) + check.missing(SITE, reference.anchors())
        print(*faults, sep="\n")
        sys.exit(f"{len(faults)} faults in {SITE.relative_to(ROOT)}" if faults else 0)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(*sys.argv[1:])
