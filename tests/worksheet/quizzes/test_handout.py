"""The page to print: what is given, a blank for all that is asked, nothing of the solution."""

import html
import re
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tinygrad_hw.homework import sheet_path
from tinygrad_hw.worksheet import (
    PdfError,
    exercise,
    handout_page,
    mark,
    marked_page,
    moodle_quiz,
    parse_sheet,
    pdf_of,
    read_sheet,
)
from tinygrad_hw.worksheet.solution.blanks import blanks

BLANK = '<span class="blank"></span>'


class Text(HTMLParser):
    """The text of a page, its style aside."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.text, self.skipped = "", False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.skipped = tag == "style"
        self.text += " " * (tag in ("p", "h1", "h2", "li", "td"))

    def handle_data(self, data: str) -> None:
        self.text += "" if self.skipped else data


def test_it_shows_what_is_given_and_a_blank_for_each_answer() -> None:
    sheet = exercise("2-1-1", 1)
    page = handout_page([sheet])
    text = " ".join(Text(page).text.split())
    for name, x in (sheet.given | sheet.parameters).items():
        assert f"{name.replace('alpha', 'learning rate α')} = {x:g}".replace("-", "−") in text
    assert "Work with and give 4 significant figures." in text
    name_line = 1
    assert page.count(BLANK) == name_line + len(mark(sheet).items)


def test_nothing_of_the_solution_is_on_it() -> None:
    """Not of what was written, nor of what is right."""
    sheet = read_sheet(sheet_path("q1b"))
    page = handout_page([sheet])
    numbers = set(re.findall(r"\d+\.\d+", Text(page).text))
    given = {f"{x:.15g}" for x in (*sheet.given.values(), *sheet.parameters.values(), sheet.rate)}
    assert numbers
    assert numbers <= given
    assert sheet.student not in page
    assert page == handout_page([blanks(sheet)])


def test_each_sheet_is_on_paper_of_its_own_and_each_update_has_its_heading() -> None:
    two = parse_sheet("""
        title = "<b>Two & more"
        [parameters]
        w = 2
        [forward]
        z = "3*w"
        E = "z**2 + w"
        [update]
        loss = "E"
        rate = 0.1
        steps = 2
        [ask]
        forward = ["z"]
        partials = ["dE/dw"]
        """)
    page = handout_page([two, two])
    assert page.count("<article>") == 2
    assert "article + article { break-before: page;" in page
    heading = re.findall(r"<article><header>(.*?)</header>", page)
    assert len(heading) == 2
    assert all("<h1>" in text and "Name" in text for text in heading)
    # What makes Chromium and Firefox print it again on each page of the sheet.
    assert "article > header { display: table-header-group; break-inside: avoid; }" in page
    assert "&lt;b&gt;Two &amp; more" in page
    assert "<b>" not in page
    assert re.findall(r"<h2>(.*?)</h2>", page) == 2 * [
        "Update 1 of 2",
        "Values",
        "Partial derivatives",
        "Update 2 of 2",
        "Values",
        "Partial derivatives",
    ]
    assert page.count(BLANK) == 2 * (1 + 4)


def test_without_a_browser_there_is_no_pdf(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(
        PdfError, match=r"no Chromium, Chrome or pdflatex to make a PDF with; write an \.html"
    ):
        pdf_of("<p>")


def test_a_browser_that_fails_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    browser = tmp_path / "chromium"
    browser.write_text("#!/bin/sh\nexit 1\n")
    browser.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PdfError, match=r"chromium made no PDF \(CalledProcessError\); write an"):
        pdf_of("<p>")


def test_the_browser_prints_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a stand-in: Chromium itself takes a second, and is not on every machine."""

    def run(command: list[str], **options: object) -> None:
        options_of = dict(part.partition("=")[::2] for part in command)
        page = Path(command[-1].removeprefix("file://"))
        assert page.read_text("utf-8") == "<p>ä"
        Path(options_of["--print-to-pdf"]).write_bytes(b"%PDF-1.4")
        assert "--no-pdf-header-footer" in options_of

    monkeypatch.setattr("shutil.which", lambda name: f"/bin/{name}")
    monkeypatch.setattr(subprocess, "run", run)
    assert pdf_of("<p>ä") == b"%PDF-1.4"


def test_an_example_for_each_update_and_the_rule_with_momentum() -> None:
    sheet = parse_sheet("""
        [[examples]]
        x = 1
        [[examples]]
        x = 5
        [parameters]
        w = 2
        [forward]
        E = "(w*x - 3)**2"
        [update]
        loss = "E"
        rate = 0.1
        momentum = 0.9
        steps = 3
        """)
    text = " ".join(Text(handout_page([sheet])).text.split())
    assert "Given: learning rate 0.1, momentum 0.9. Parameters: w = 2." in text
    assert re.findall(r"Update (\d) of 3 Example: x = (\d)\.", text) == [
        ("1", "1"),
        ("2", "5"),
        ("3", "1"),
    ]
    rule = "new w = w − 0.1 · dE/dw"
    assert text.count(f"{rule} =") == 1
    assert text.count(f"{rule} + 0.9 · (w − w before) =") == 2


def test_a_rate_without_a_name_of_its_own_is_told_by_itself() -> None:
    """Here a formula uses the one given number that is as large."""
    sheet = parse_sheet("""
        [given]
        x = -0.5
        [parameters]
        w = 2
        [forward]
        E = "(w*x - 3)**2"
        [update]
        loss = "E"
        rate = -0.5
        """)
    text = " ".join(Text(handout_page([sheet])).text.split())
    assert "Given: x = −0.5, learning rate −0.5." in text


def test_what_the_numbers_are_worth_is_told_where_the_sheet_says_it() -> None:
    text = """
        [parameters]
        w_1 = 2
        [forward]
        z = "3*w_1"
        E = "z**2"
        [ask]
        forward = true
        partials = true
        """
    points = """[ask.points]
        partials = 2
        E = 0.5
        "dE/dw_1" = 3
        """
    assert "Points" not in Text(handout_page([parse_sheet(text)])).text
    shown = Text(handout_page([parse_sheet(text + points)])).text
    assert "Points: each partial derivative 2, E 0.5, dE/dw1 3, any other number 1." in shown


def test_a_sheet_without_updates_asks_for_none() -> None:
    sheet = parse_sheet("""
        [parameters]
        w = 2
        [forward]
        E = "w**2"
        """)
    text = Text(handout_page([sheet])).text
    assert "Given" not in text
    assert "Updates" not in text


def test_what_is_defined_by_a_partial_is_typeset_as_a_partial() -> None:
    text = '[parameters]\nw = 2\n[forward]\nz = "3*w"\nE = "z**2"\n[define]\ndelta = "-dE/dz"\n'
    slope = '−<span class="slope">d<var>E</var>/d<var>z</var></span>'
    sheet = blanks(parse_sheet(text))
    for page in (handout_page([sheet]), moodle_quiz([sheet]), marked_page(mark(sheet))):
        assert slope in html.unescape(page)
