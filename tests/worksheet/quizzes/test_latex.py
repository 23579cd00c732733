"""The page to print as a document for LaTeX."""

import re
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from tinygrad_hw.worksheet import PdfError, exercise, handout_page, latex_of, parse_sheet, pdf_of

SHEET = """
title = '{title}'
[given]
"δ" = 0.5
x_1 = 2
[parameters]
w = 3
[forward]
z = "w*x_1**-0.5 + δ"
E = "(z - 1)**2"
[update]
loss = "E"
rate = 0.1
"""


def document(title: str) -> str:
    return latex_of(handout_page([parse_sheet(SHEET.replace("{title}", title))]))


def commands(text: str) -> Counter[str]:
    return Counter(re.findall(r"\\(?:[A-Za-z]+|.)", text))


def test_what_is_on_the_page_is_in_the_document() -> None:
    sheet = exercise("2-2-2", 1)
    page = handout_page([sheet, exercise("1-1", 0)])
    text = latex_of(page)
    assert text.count("\\section*{") == text.count("\\clearpage") == 2
    on_lines = 4  # for name and date, of two sheets
    body = text.partition("\\begin{document}")[2]
    assert body.count("\\blank{}") == len(re.findall('class="blank( date)?"', page)) - on_lines
    assert body.count("\\factor{") == page.count('class="factor"')
    assert "\\textit{w}\\textsubscript{1}~=~\\ensuremath{-}0.57" in body
    assert text.endswith("\n\n\\end{document}\n")


def test_powers_and_greek_letters_are_typeset() -> None:
    text = document("One")
    assert "\\textit{x}\\textsubscript{1}\\textsuperscript{\\ensuremath{-}0.5}" in text
    assert "\\ensuremath{\\delta}~=~0.5" in text
    assert text.isascii()


def test_a_title_is_text_and_no_command() -> None:
    r"""Whatever is special to LaTeX: \ { } $ & # ^ _ ~ %."""
    title = r"\input{/etc/passwd} $x^2$ 50% & #1_a ~ \end{document} <b>"
    known, found = commands(document("One")), commands(document(title))
    new = {name for name in found if found[name] > known[name]}
    spelled = {"textbackslash", "textasciicircum", "textasciitilde", "ensuremath"}
    assert new == {f"\\{name}" for name in (*spelled, *"{}$&#_%")}
    body = document(title).partition("\\begin{document}")[2].removesuffix("\\end{document}\n")
    assert not re.search(r"(?<!\\)[$&^_%]", body)
    depth = re.sub(r"\\[{}]", "", body)
    assert depth.count("{") == depth.count("}")


def test_latex_prints_where_there_is_no_browser(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a stand-in: LaTeX itself is not on every machine."""
    page = handout_page([exercise("1-1", 0)])

    def run(command: list[str], *, cwd: Path, **options: object) -> None:
        assert command[0] == "/bin/pdflatex"
        assert "-no-shell-escape" in command
        assert (cwd / command[-1]).read_text("utf-8") == latex_of(page)
        (cwd / "page.pdf").write_bytes(b"%PDF-1.5")

    monkeypatch.setattr("shutil.which", lambda name: "/bin/pdflatex" * (name == "pdflatex"))
    monkeypatch.setattr(subprocess, "run", run)
    assert pdf_of(page) == b"%PDF-1.5"


def test_what_latex_cannot_print_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    latex = tmp_path / "pdflatex"
    latex.write_text("#!/bin/sh\necho 'page.tex'\necho '! Unicode character X'\nexit 1\n")
    latex.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PdfError, match=r"pdflatex made no PDF \(Unicode character X\); write an"):
        pdf_of(handout_page([exercise("1-1", 0)]))
