"""The page to print as a PDF: by Chromium or Chrome where there is one, or else by LaTeX."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from tinygrad_hw.errors import InputError
from tinygrad_hw.formatting import printable
from tinygrad_hw.worksheet.quizzes.latex import latex_of

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
LATEX = "pdflatex"
LONGEST = 120  # seconds


class PdfError(InputError):
    """The error of a page that cannot be made a PDF of here."""


def find_printer() -> str:
    """Return the path of a browser that prints PDFs, or of LaTeX.

    Raises
    ------
    PdfError
        If there is neither.
    """
    printer = next(filter(None, map(shutil.which, (*BROWSERS, LATEX))), None)
    if printer is None:
        raise PdfError(
            "there is no Chromium, Chrome or pdflatex to make a PDF with; write an .html file and "
            "print that"
        )
    return printer


def pdf_of(page: str) -> bytes:
    """Return a page of ``handout_page`` as a PDF.

    Raises
    ------
    PdfError
        If there is nothing to print it with, or that fails.
    """
    printer = find_printer()
    with TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        if Path(printer).stem == LATEX:
            command = _latex_command(printer, page, folder)
        else:
            command = _browser_command(printer, page, folder)
        try:
            subprocess.run(command, check=True, capture_output=True, timeout=LONGEST, cwd=folder)
            return (folder / "page.pdf").read_bytes()
        except (OSError, subprocess.SubprocessError) as error:
            raise PdfError(
                f"{printer} made no PDF ({_reason(error)}); write an .html file to print"
            ) from None


def _reason(error: Exception) -> str:
    """Return what LaTeX says in its line with a "!"; of any other error its kind."""
    said: bytes = getattr(error, "stdout", None) or b""
    lines = said.decode("utf-8", "replace").splitlines()
    found = (printable(line[2:]) for line in lines if line.startswith("! "))
    return next(found, type(error).__name__)


def _browser_command(browser: str, page: str, folder: Path) -> list[str]:
    source = folder / "page.html"
    source.write_text(page, "utf-8")
    is_root = getattr(os, "geteuid", lambda: 1)() == 0  # for whom there is no sandbox
    return [
        browser,
        "--headless",
        "--disable-gpu",
        *(["--no-sandbox"] if is_root else []),
        f"--user-data-dir={folder / 'profile'}",
        "--no-pdf-header-footer",
        f"--print-to-pdf={folder / 'page.pdf'}",
        source.as_uri(),
    ]


def _latex_command(latex: str, page: str, folder: Path) -> list[str]:
    (folder / "page.tex").write_text(latex_of(page), "utf-8")
    return [latex, "-no-shell-escape", "-interaction=nonstopmode", "-halt-on-error", "page.tex"]
