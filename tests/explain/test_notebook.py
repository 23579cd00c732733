"""What a notebook shows, where it is trusted and where its HTML is cleaned first.

A cleaner keeps elements from a list, with attributes from a list, and the text of all others; the
content of a style sheet goes. JupyterLab's, which this follows, has neither MathML nor frames.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest
from playwright.sync_api import Page, sync_playwright

from tinygrad_hw import Value, steps
from tinygrad_hw.explain import explain

CHROMIUM = shutil.which("chromium")
KEPT = {"div", "img", "pre", "span", "table", "thead", "tbody", "tr", "th", "td", "caption"}


def network() -> tuple[Value, Value]:
    """A loss and a weight it depends on."""
    w = Value(0.5, "w")
    a = (w * Value(2.0, "x", constant=True)).sigmoid()
    a.label = "a"
    loss = (Value(1.0, "y", constant=True) - a) ** 2
    loss.label = "E"
    return loss, w


class Cleaned(HTMLParser):
    """HTML without what a cleaner drops, and the text of it that is to be seen."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.seen, self.images = "", 0
        self.open: list[tuple[str, bool]] = []  # elements that are kept, and whether one is hidden
        self.dropped = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("style", "script"):
            self.dropped = tag
        elif tag == "img":
            self.images += 1
        elif tag in KEPT:
            self.open.append((tag, "display: none" in (dict(attrs).get("style") or "")))

    def handle_endtag(self, tag: str) -> None:
        if tag == self.dropped:
            self.dropped = ""
        elif self.open and self.open[-1][0] == tag:
            self.open.pop()

    def handle_data(self, data: str) -> None:
        if not self.dropped and not any(hidden for _, hidden in self.open):
            self.seen += data


def bundle(thing: Any) -> dict[str, str]:
    shown: dict[str, str] = thing._repr_mimebundle_(include=None, exclude=None)
    return shown


def test_what_is_cleaned_reads_as_text() -> None:
    loss, w = network()
    for thing in (explain(loss, w), steps(loss)):
        shown = bundle(thing)
        assert Cleaned(shown["text/html"]).seen == shown["text/plain"] == str(thing)
    assert bundle(explain(loss, w))["text/latex"].startswith(r"$$\begin{aligned}")
    picture = Cleaned(bundle(loss)["text/html"])
    assert (picture.images, picture.seen) == (1, "")


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    if CHROMIUM is None:
        pytest.skip("cells are shown in Chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser.new_page(viewport={"width": 1366, "height": 768})
        browser.close()


def show(page: Page, html: str, width: int = 900) -> None:
    page.set_content(f'<body data-jp-theme-light="true"><div style="width: {width}px">{html}</div>')


def test_equations_are_set_in_their_own_face(page: Page) -> None:
    shown = bundle(explain(*network()))
    show(page, shown["text/html"])
    assert page.locator("pre").is_hidden()
    assert page.locator("math").is_visible()
    page.evaluate("() => document.fonts.ready")
    assert page.evaluate("() => document.fonts.check('16px \"STIX Two Math\"', '∂')")
    assert "STIX Two Math" in page.evaluate(
        "() => getComputedStyle(document.querySelector('math')).fontFamily"
    )


def test_a_picture_fits_its_cell_and_turns_dark_with_the_notebook(page: Page) -> None:
    loss, _ = network()
    looks = "() => getComputedStyle(document.querySelector('img')).filter"
    for width in (900, 300):
        show(page, bundle(loss)["text/html"], width)
        box = page.locator("img").bounding_box()
        assert box is not None
        assert 0.5 * width < box["width"] <= width
        assert page.evaluate(looks) == "none"
        page.evaluate("() => document.body.setAttribute('data-jp-theme-light', 'false')")
        assert "invert" in page.evaluate(looks)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_steps_are_as_dark_as_the_notebook(theme: str, page: Page) -> None:
    html = bundle(steps(network()[0]))["text/html"]
    page.set_content(f'<body data-jp-theme-light="{str(theme == "light").lower()}">{html}')
    body = page.frame_locator("iframe").locator("body")
    paper = body.evaluate("e => getComputedStyle(e).backgroundColor")
    red = int(paper.partition("(")[2].partition(",")[0])
    assert (red > 200) == (theme == "light")


@pytest.mark.parametrize("width", [1000, 700])
def test_steps_have_room(width: int, page: Page) -> None:
    """Of the page in its frame, the drawing, the chain and the buttons are in sight at once."""
    show(page, bundle(steps(network()[0]))["text/html"], width)
    frame = page.frame_locator("iframe")
    height = page.locator("iframe").evaluate("e => e.clientHeight")
    for part in ("svg:visible", "#about math:visible >> nth=-1", "#said", "#forth"):
        inside = frame.locator(part).first.evaluate(
            "e => [e.getBoundingClientRect().top, e.getBoundingClientRect().bottom]"
        )
        assert inside[0] >= 0, part
        assert inside[1] <= height, part
