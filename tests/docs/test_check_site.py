"""The check of a built site finds what would need a network, and links that lead nowhere."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts/check_site.py"


def check(site: Path) -> str:
    run = subprocess.run(
        [sys.executable, SCRIPT, site], capture_output=True, text=True, check=False
    )
    assert "Traceback" not in run.stderr
    assert run.returncode == bool(run.stderr)
    return run.stderr


@pytest.mark.parametrize(
    "text",
    [
        '<script src="https://cdn.example.org/mathjax.js"></script>',
        '<script src="//cdn.example.org/mathjax.js"></script>',
        '<link rel="stylesheet" href="https://fonts.example.org/css">',
        '<link rel="preload icon" href="http://example.org/a.png">',
        '<img alt="" src="https://example.org/a.png">',
        '<iframe src="https://example.org"></iframe>',
        "<style>@import 'https://fonts.example.org/css';</style>",
        "<style>@font-face { src: url(https://fonts.example.org/a.woff2) }</style>",
        "<script>fetch('https://example.org/data')</script>",
        '<a href="nowhere.html">there</a>',
        '<a href="other.html#nowhere">there</a>',
        '<a href="#nowhere">there</a>',
    ],
)
def test_a_fault_is_found(text: str, tmp_path: Path) -> None:
    (tmp_path / "other.html").write_text("<p id='here'>")
    (tmp_path / "page.html").write_text(f"<!doctype html><p>{text}</p>")
    assert "page.html: " in check(tmp_path)


def test_a_style_sheet_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.css").write_text("a { background: url('https://example.org/a.png') }")
    assert check(tmp_path) == "a.css: fetches https://example.org/a.png\n"


def test_a_sound_site_passes(tmp_path: Path) -> None:
    (tmp_path / "other.html").write_text("<p id='here'>")
    (tmp_path / "page.html").write_text(
        '<a href="https://example.org">elsewhere</a><a href="other.html#here">there</a>'
        '<a href="#">top</a><script src="a.js?v=1"></script><img src="data:image/png;base64,AA">'
        '<link rel="canonical" href="https://example.org/page.html">'
        '<svg xmlns="http://www.w3.org/2000/svg"></svg>'
    )
    assert check(tmp_path) == ""
