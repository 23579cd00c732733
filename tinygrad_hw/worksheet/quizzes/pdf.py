"""A page as a PDF, printed by Chromium or Chrome where there is one."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from tinygrad_hw.errors import InputError

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
LONGEST = 120  # seconds


class PdfError(InputError):
    """The error of a page that cannot be made a PDF of here."""


def find_browser() -> str:
    """Return the path of a browser that prints PDFs.

    Raises
    ------
    PdfError
        If there is no Chromium or Chrome.
    """
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        raise PdfError(
            "there is no Chromium or Chrome to make a PDF with; write an .html file and print that"
        )
    return browser


def pdf_of(page: str) -> bytes:
    """Return an HTML page as a PDF.

    Raises
    ------
    PdfError
        If there is no Chromium or Chrome, or it fails.
    """
    browser = find_browser()
    with TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        (folder / "page.html").write_text(page, "utf-8")
        pdf = folder / "page.pdf"
        command = [
            browser,
            "--headless",
            "--disable-gpu",
            *(
                ["--no-sandbox"] if getattr(os, "geteuid", lambda: 1)() == 0 else []
            ),  # root has none
            f"--user-data-dir={folder / 'profile'}",
            "--no-pdf-header-footer",
            f"--print-to-pdf={pdf}",
            (folder / "page.html").as_uri(),
        ]
        try:
            subprocess.run(command, check=True, capture_output=True, timeout=LONGEST)
            return pdf.read_bytes()
        except (OSError, subprocess.SubprocessError) as error:
            raise PdfError(
                f"{browser} made no PDF ({type(error).__name__}); write an .html file to print"
            ) from None
