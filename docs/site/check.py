"""Checks of a built site: links, anchors and pictures lead somewhere, and nothing lies outside."""

import html.parser
import pathlib
import urllib.parse

# What a browser fetches by itself, as opposed to what a reader follows.
_FETCHED = {
    ("img", "src"),
    ("script", "src"),
    ("link", "href"),
    ("iframe", "src"),
    ("source", "src"),
}
# These tell others of a page, and fetch nothing.
_NOT_FETCHED = {"canonical", "prev", "next", "alternate"}


class _Page(html.parser.HTMLParser):
    """The anchors of a page, what it links to, and what it fetches."""

    def __init__(self, text):
        super().__init__()
        self.anchors, self.links, self.fetched, self.unlabelled = {""}, [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.anchors |= {values[key] for key in ("id", "name") if values.get(key)}
        if tag == "a" and values.get("href"):
            self.links.append(values["href"])
        if tag == "img" and not values.get("alt"):
            self.unlabelled.append(values.get("src"))
        for key, value in attributes:
            if (tag, key) in _FETCHED and value and values.get("rel") not in _NOT_FETCHED:
                self.fetched.append(value)


def faults(site):
    """Returns a line for each link, anchor or picture of a site that leads nowhere.

    Args:
        site: Folder of a built site.

    Returns:
        List of str.
    """
    site = pathlib.Path(site)
    pages = {file.resolve(): _Page(file.read_text()) for file in site.rglob("*.html")}
    found = [] if pages else [f"There are no pages in {site}."]
    for file, page in pages.items():
        name = file.relative_to(site.resolve())
        found += [f"{name}: a picture without a description: {src}" for src in page.unlabelled]
        found += [f"{name}: fetched from a network: {x}" for x in page.fetched if _is_remote(x)]
        for link in {*page.links, *page.fetched}:
            if _is_remote(link) or link.startswith(("mailto:", "data:", "javascript:")):
                continue
            address = urllib.parse.urlsplit(link)
            path = urllib.parse.unquote(address.path)
            base = site if path.startswith("/") else file.parent
            target = (base / path.lstrip("/")).resolve() if path else file
            if target.is_dir():
                target /= "index.html"
            if not target.is_file():
                found.append(f"{name}: no such file: {link}")
            elif target in pages and urllib.parse.unquote(address.fragment) not in (
                pages[target].anchors
            ):
                found.append(f"{name}: no such anchor: {link}")
    return found


def missing(site, anchors):
    """Returns a line for each anchor that a page of a site should have and has not.

    Args:
        site: Folder of a built site.
        anchors: dict from the name of a page to its anchors.

    Returns:
        List of str.
    """
    found = []
    for name, wanted in anchors.items():
        file = pathlib.Path(site) / name
        there = _Page(file.read_text()).anchors if file.is_file() else set()
        found += [f"{name}: {anchor} is missing" for anchor in wanted if anchor not in there]
    return found


def _is_remote(link):
    return link.startswith(("http:", "https:", "//"))
