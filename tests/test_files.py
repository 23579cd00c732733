"""Files appear whole or not at all, and nothing is lost that somebody may still want."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tinygrad_hw.files import Output, OutputError, write_files, write_outputs


def test_files_are_all_written_or_none(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    good, bad = tmp_path / "new/deep/good", tmp_path / "file/bad"
    with pytest.raises(OutputError, match=r"cannot write .*bad: not a directory; give a place"):
        write_files({good: b"1", bad: b"2"})
    assert [path.name for path in tmp_path.rglob("*")] == ["file"]
    write_files({good: b"1", tmp_path / "other": b"2"})
    assert (good.read_bytes(), (tmp_path / "other").read_bytes()) == (b"1", b"2")


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
@pytest.mark.parametrize("links", [True, False], ids=["hard links", "a file system without them"])
def test_a_set_of_files_is_whole_or_as_it_was_wherever_it_breaks_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, links: bool
) -> None:
    """At each step that changes a name or writes a file; three of the four were there before."""
    names = ("a", "b", "new/c", "d")
    new = {tmp_path / name: name.upper().encode() for name in names}

    def lay_out() -> dict[str, bytes]:
        for name in ("a", "b", "d"):
            (tmp_path / name).write_bytes(b"old")
        (tmp_path / "new/c").unlink(missing_ok=True)
        if (tmp_path / "new").exists():
            (tmp_path / "new").rmdir()
        return files()

    def files() -> dict[str, bytes]:
        paths = (path for path in tmp_path.rglob("*") if path.is_file())
        return {str(path.relative_to(tmp_path)): path.read_bytes() for path in paths}

    calls = [0, 0]  # so far, and the one that fails

    def failing(real: Callable[..., object]) -> Callable[..., object]:
        def call(*arguments: object, **options: object) -> object:
            calls[0] += 1
            if calls[0] == calls[1]:
                raise error
            return real(*arguments, **options)

        return call

    if not links:
        monkeypatch.setattr("os.link", lambda *_: os.stat(tmp_path / "no links here"))
    for where, what in ((Path, "replace"), (Path, "write_bytes"), (shutil, "copy2"), (os, "link")):
        before = lay_out()
        for step in range(1, 6):
            lay_out()
            calls[:] = 0, step
            with monkeypatch.context() as patch:
                patch.setattr(where, what, failing(getattr(where, what)))
                try:
                    write_files(new)
                except (OutputError, KeyboardInterrupt):
                    assert files() == before
                else:
                    assert files() == {name: name.upper().encode() for name in names}


def test_what_a_killed_process_has_left_is_removed_by_the_next(tmp_path: Path) -> None:
    """Of the files that are written, and only of processes that are no more."""
    write = "import os, sys; from tinygrad_hw.files import write_files; from pathlib import Path\n"
    write += (
        "Path.replace = lambda *_: os.kill(os.getpid(), 9)\nwrite_files({Path(sys.argv[1]): b'1'})"
    )
    for name in ("page.html", "other.html"):
        subprocess.run([sys.executable, "-c", write, str(tmp_path / name)], check=False)
    [other, part] = sorted(path.name for path in tmp_path.iterdir())
    assert re.fullmatch(r"\.other\.html\.\d+\.part", other)
    assert re.fullmatch(r"\.page\.html\.\d+\.part", part)
    running = tmp_path / f".page.html.{os.getppid()}.part"
    mine = tmp_path / ".page.html.mine.part"
    for path in (running, mine, tmp_path / part.replace(".part", ".old")):
        path.write_text("")
    write_files({tmp_path / "page.html": b"2"})
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {other, running.name, mine.name, "page.html"}


@pytest.mark.parametrize("renames", [1, 3])
def test_a_set_that_a_killed_process_has_left_mixed_is_made_whole_by_the_next(
    tmp_path: Path, renames: int
) -> None:
    write = (
        "import os, sys; from tinygrad_hw.files import write_files; from pathlib import Path\n"
        "real, left = Path.replace, [int(sys.argv[1])]\n"
        "def replace(*paths):\n"
        "    left[0] -= 1\n"
        "    return real(*paths) if left[0] >= 0 else os.kill(os.getpid(), 9)\n"
        "Path.replace = replace\n"
        "write_files({Path(name): b'new' for name in sys.argv[2:]})\n"
    )
    places = [tmp_path / name for name in ("a", "b", "sub/c", "d")]
    places[2].parent.mkdir()
    for place in places[1:]:
        place.write_bytes(b"old")
    run = [sys.executable, "-c", write, str(renames), *map(str, places)]
    assert subprocess.run(run, check=False).returncode == -9
    there = [place.read_bytes() for place in places if place.exists()]
    assert there == [b"new"] * renames + [b"old"] * (4 - renames)
    write_files(dict.fromkeys(places, b"newer"))
    left = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert left == dict.fromkeys(places, b"newer")


def test_only_a_file_is_replaced(tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.write_text("old")
    write_files({there: b"2"})
    assert there.read_text() == "2"
    for place in (tmp_path, Path("/dev/null")):
        with pytest.raises(OutputError, match="is not a file; give the name of a file"):
            write_files({place: b""})


def test_a_missing_folder_is_made_only_if_allowed(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"cannot write .*new/file: no such file or directory"):
        write_files({tmp_path / "new/file": b""}, make_folders=False)
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["loop", "loop/file"])
def test_a_loop_of_links_is_one_line(tmp_path: Path, name: str) -> None:
    (tmp_path / "loop").symlink_to("pool")
    (tmp_path / "pool").symlink_to("loop")
    for write in (write_files, lambda contents: write_outputs([Output(*contents.popitem())])):
        with pytest.raises(
            OutputError, match=r"cannot write .*: too many levels of symbolic"
        ) as no:
            write({tmp_path / name: b""})
        assert "\n" not in str(no.value)
    assert (tmp_path / "loop").is_symlink()


def test_a_name_that_is_too_long_is_one_line(tmp_path: Path) -> None:
    for write in (write_files, lambda contents: write_outputs([Output(*contents.popitem())])):
        with pytest.raises(OutputError, match=r"cannot write .*: file name too long"):
            write({tmp_path / ("x" * 300): b""})


# --- What would be lost ---------------------------------------------------------------------------

OPENING = re.compile(rb"ours \d+\n")


@pytest.fixture
def there(tmp_path: Path) -> Path:
    path = tmp_path / "there"
    path.write_text("theirs")
    return path


def test_what_is_there_is_replaced_only_by_force(tmp_path: Path, there: Path) -> None:
    new = tmp_path / "new"
    outputs = [Output(new, b"1"), Output(there, b"2", OPENING)]
    with pytest.raises(OutputError, match="there is there already; give another name, or --force"):
        write_outputs(outputs)
    assert (there.read_text(), new.exists()) == ("theirs", False)
    write_outputs(outputs, force=True)
    assert there.read_text() == "2"


@pytest.mark.parametrize(
    ("old", "is_replaced"),
    [
        (b"ours 1\nand more", True),
        (b"ours 2\nnew", True),
        (b" ours 1\n", False),
        (b"ours\n", False),
        (b"", False),
    ],
)
def test_an_earlier_output_is_known_by_its_opening(
    there: Path, old: bytes, is_replaced: bool
) -> None:
    there.write_bytes(old)
    output = Output(there, b"ours 2\nnew", OPENING)
    if is_replaced:
        write_outputs([output])
    else:
        with pytest.raises(OutputError, match="is there already"):
            write_outputs([output])
    assert there.read_bytes() == (output.content if is_replaced else old)


def test_the_very_same_bytes_are_no_loss(there: Path) -> None:
    write_outputs([Output(there, b"theirs")])
    for other in (b"their", b"theirs!"):
        with pytest.raises(OutputError, match="is there already"):
            write_outputs([Output(there, other)])


def test_a_file_that_cannot_be_read_is_not_taken_for_ours(
    there: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(Path, "open", refused)
    with pytest.raises(OutputError, match="is there already"):
        write_outputs([Output(there, b"theirs")])


@pytest.mark.parametrize("link", [os.symlink, os.link, None])
@pytest.mark.parametrize("force", [False, True])
def test_what_is_read_is_never_written_to(there: Path, link: object, force: bool) -> None:
    name = there
    if callable(link):
        name = there.with_name("link")
        link(there, name)
    with pytest.raises(OutputError, match="is read by this command and would be written over"):
        write_outputs([Output(name, b"theirs", re.compile(b""))], reads=[there], force=force)
    assert there.read_text() == "theirs"


@pytest.mark.parametrize("force", [False, True])
def test_two_outputs_are_two_files(tmp_path: Path, force: bool) -> None:
    (tmp_path / "link").symlink_to("new")
    for other in ("new", "sub/../new", "link"):
        outputs = [Output(tmp_path / "new", b"1"), Output(tmp_path / other, b"2")]
        with pytest.raises(OutputError, match=r"new and .* are the same file; give another name"):
            write_outputs(outputs, force=force)
    assert [path.name for path in tmp_path.iterdir()] == ["link"]


def test_two_hard_links_are_one_file(there: Path) -> None:
    other = there.with_name("other")
    os.link(there, other)
    with pytest.raises(OutputError, match=r"there and .*other are the same file"):
        write_outputs([Output(there, b"1"), Output(other, b"2")], force=True)


def test_a_link_that_leads_nowhere_yet_stays_one(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("new")
    write_outputs([Output(tmp_path / "link", b"1")])
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "new").read_bytes() == b"1"
