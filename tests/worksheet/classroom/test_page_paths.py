"""Each sheet has a page of its own, whatever it is called; no name keeps the others from theirs."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_hw.files import write_files
from tinygrad_hw.worksheet import Submission, page_paths
from tinygrad_hw.worksheet.classroom.downloads import Owner

ODD = (
    "hw",
    "HW",
    "hw-2",
    "hw-marked.html",
    "n" * 250,
    "é" * 125,
    "e\u0301",
    "\u00e9",
    "$(x)",
    "-r",
)


def submissions(names: list[str]) -> list[Submission]:
    return [Submission(name, name, Path("class", name), Owner(), None) for name in names]


def test_pages_are_called_after_their_sheets() -> None:
    sheets = submissions(["a/hw.toml", "a/HW.TOML", "a/hw.toml.txt", "b/hw.toml", "c.d.toml"])
    assert page_paths(sheets, Path("out")) == [
        Path("out/a/hw-marked.html"),
        Path("out/a/HW-2-marked.html"),
        Path("out/a/hw-3-marked.html"),
        Path("out/b/hw-marked.html"),
        Path("out/c.d-marked.html"),
    ]
    assert page_paths(sheets)[:2] == [
        Path("class/a/hw-marked.html"),
        Path("class/a/HW-2-marked.html"),
    ]


@given(
    st.lists(
        st.lists(st.sampled_from(ODD), min_size=1, max_size=3).map("/".join),
        max_size=8,
        unique=True,
    )
)
def test_no_two_pages_are_one_file_and_none_is_a_folder(names: list[str]) -> None:
    sheets = submissions([f"{name}.toml" for name in names])
    pages = page_paths(sheets, Path("out"))
    folders = {str(folder).casefold() for page in pages for folder in page.parents}
    assert len({str(page).casefold() for page in pages} - folders) == len(names)
    assert all(len(os.fsencode(page.name)) <= 255 for page in pages)
    assert [page.parent for page in pages] == [Path("out", name).parent for name in names]


@pytest.mark.parametrize("name", ["n" * 250, os.fsdecode(b"n\xf6ther")])
def test_the_page_of_an_odd_name_can_be_written(tmp_path: Path, name: str) -> None:
    sheet = Submission("-", "-", tmp_path / f"{name}.toml", Owner(), None)
    [page] = page_paths([sheet])
    write_files({page: b"marks"})
    assert page.read_bytes() == b"marks"
