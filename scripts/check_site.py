"""Check that a built site asks nothing of a network, and that its links lead somewhere.

python scripts/check_site.py build/docs
"""

import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

# What a browser fetches by itself, by tag; a link that a reader may follow is none of it.
FETCHED = {
    "audio": ("src",),
    "embed": ("src",),
    "iframe": ("src",),
    "image": ("href", "xlink:href"),
    "img": ("src", "srcset"),
    "link": ("href",),
    "object": ("data",),
    "script": ("src",),
    "source": ("src", "srcset"),
    "use": ("href", "xlink:href"),
    "video": ("src", "poster"),
}
STATEMENTS = {
    "alternate",
    "author",
    "canonical",
    "license",
    "search",
}  # of <link>: nothing is fetched
IN_STYLES = re.compile(r"(?:url\(|@import)\s*['\"]?((?:https?:)?//[^'\")\s]+)")
IN_SCRIPTS = re.compile(r"(?:import|fetch|importScripts)\(\s*['\"`]((?:https?:)?//[^'\"`]+)")


class _Page(HTMLParser):
    """What a page fetches, what it links to, and the places in it that can be linked to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.links: list[str] = []
        self.places = {"", "top"}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        self.places |= {attributes[name] for name in ("id", "name") if name in attributes}
        if tag == "a" and "href" in attributes:
            self.links.append(attributes["href"])
        if tag == "link" and set(attributes.get("rel", "").split()) & STATEMENTS:
            return
        self.fetched += [attributes[name] for name in FETCHED.get(tag, ()) if name in attributes]


def faults(site: Path) -> Iterator[str]:
    """Find what a site fetches from elsewhere, and its links that lead nowhere."""
    files = {path.resolve(): path.relative_to(site) for path in sorted(site.rglob("*"))}
    pages = {path: _Page(path.read_text("utf-8")) for path in files if path.suffix == ".html"}
    for path, page in pages.items():
        for address in page.fetched:
            if urlsplit(address).netloc:
                yield f"{files[path]}: fetches {address[:100]}"
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue  # elsewhere: for the reader to follow or not
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            places = pages[target].places if target in pages else None
            if not target.exists() or (places and unquote(parts.fragment) not in places):
                yield f"{files[path]}: links to {link[:100]}, which is not there"
    for pattern, kinds in ((IN_STYLES, (".css", ".html", ".svg")), (IN_SCRIPTS, (".html", ".js"))):
        for path, name in files.items():
            if path.suffix in kinds:
                for address in pattern.findall(path.read_text("utf-8")):
                    yield f"{name}: fetches {address[:100]}"


if __name__ == "__main__":
    found = list(faults(Path(sys.argv[1])))
    print("\n".join(found), file=sys.stderr, end="\n" * bool(found))
    sys.exit(bool(found))
