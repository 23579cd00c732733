"""Every example on the pages of the site runs, and prints what the page shows.

A page's ``python`` blocks run one after the other in one namespace, and its ``console`` blocks in
one folder. A ``toml`` block is a sheet: its first line may name a file, as ``# neuron.toml``, which
later commands can read. The ``output`` block after a program, and what stands below a command, is
what it prints; a line that is ``…`` stands for any number of lines.
"""

import contextlib
import io
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise, zip_longest
from pathlib import Path

import pytest

from tinygrad_hw.cli.main import main

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
WITH_EXAMPLES = re.compile(r"^```(python|console)$", re.MULTILINE)
PAGES = [
    page
    for page in sorted((ROOT / "docs").glob("*.md"))
    if page.stem != "architecture" and WITH_EXAMPLES.search(page.read_text("utf-8"))
]
FILE = re.compile(r"# ([\w./-]+\.toml)\n")


@dataclass(frozen=True)
class Block:
    """One fenced block of a page: its language and text, and the line it begins at."""

    language: str
    text: str
    line: int


@dataclass(frozen=True)
class Run:
    """What an example says that it prints (None: nothing is said), and what it printed."""

    block: Block
    shown: str | None
    printed: str


def blocks_of(text: str) -> list[Block]:
    """Find the fenced blocks of a page, in order."""
    return [
        Block(match[1], match[2], text.count("\n", 0, match.start()) + 1)
        for match in BLOCK.finditer(text)
    ]


@contextlib.contextmanager
def stdout() -> Iterator[list[str]]:
    """Take what is printed; it is in the list when the block ends."""
    printed: list[str] = []
    with io.TextIOWrapper(io.BytesIO(), "utf-8", newline="\n", write_through=True) as out:
        with contextlib.redirect_stdout(out):
            yield printed
        out.seek(0)
        printed.append(out.read())


def run_examples(text: str) -> Iterator[Run]:
    """Run a page's programs and commands in the current folder."""
    blocks = blocks_of(text)
    namespace: dict[str, object] = {"__name__": "__main__"}
    for block, after in zip_longest(blocks, blocks[1:]):
        if block.language == "toml" and (file := FILE.match(block.text)):
            Path(file[1]).write_text(block.text, "utf-8")
        elif block.language == "python":
            with stdout() as out:
                exec(compile(block.text, "example.py", "exec"), namespace)
            is_shown = after is not None and after.language == "output"
            yield Run(block, after.text if is_shown else None, "".join(out))
        elif block.language == "console":
            for command, shown in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block.text, re.M):
                program, *arguments = shlex.split(command)
                assert program == "tinygrad-hw", f"line {block.line}: runs {program}"
                with stdout() as out:
                    status = main(arguments)
                assert status == 0, f"line {block.line}: {command} ended with {status}"
                yield Run(block, shown or None, "".join(out))


PYTHONS_HINT = re.compile(r"\. Did you mean '\w+'\?")  # which Python 3.11 does not give


def matches(shown: str, printed: str) -> bool:
    """Whether a program printed what the page shows; a line of ``…`` stands for any lines."""
    pattern = re.escape(shown.rstrip("\n") + "\n").replace(re.escape("…\n"), "(?:.*\n)*")
    lines = "".join(line.rstrip() + "\n" for line in printed.splitlines())
    lines = PYTHONS_HINT.sub("", lines)
    return re.fullmatch(pattern, lines) is not None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_examples(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    for run in run_examples(page.read_text("utf-8")):
        where = f"{page.name}, line {run.block.line}"
        if run.shown is not None:
            assert matches(run.shown, run.printed), f"{where} prints:\n{run.printed}"
        elif run.block.language == "python":
            assert not run.printed, f"{where} prints what the page does not show"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_output_stands_after_a_program(page: Path) -> None:
    languages = [block.language for block in blocks_of(page.read_text("utf-8"))]
    assert len(languages) > 1
    for before, language in pairwise(languages):
        assert language != "output" or before == "python"


@pytest.mark.parametrize(
    ("shown", "printed", "same"),
    [
        ("a\nb\n", "a\nb\n", True),
        ("a\n…\nc\n", "a\nb\nb\nc\n", True),
        ("…\nc\n…\n", "a\nc\n", True),
        ("a\n", "a\nb\n", False),
        ("a\n…\n", "b\na\n", False),
        ("a.c\n", "abc\n", False),
    ],
)
def test_matches(shown: str, printed: str, same: bool) -> None:
    assert matches(shown, printed) is same
