"""No verb destroys what it reads, or what somebody may still want."""

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., tuple[int, str, str]]
Link = Callable[[str, str], None]

THERE = "is there already; give another name, or --force to replace it"
READ = "is read by this command and would be written over; give another name"


@pytest.fixture
def sheets(run: Run, sheet: str) -> dict[str, bytes]:
    """The bytes of a.toml and b.toml, and of a folder of two answered sheets."""
    for name, formula in (("a.toml", "w*x"), ("b.toml", "w + x")):
        Path(name).write_text(sheet.format(formula) + '[answers.forward]\nz = "1"\n')
    assert run("exercise", "--net", "1-1", "--count", "2", "-o", "d", "--key", "keys")[0] == 0
    return files()


def files() -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in Path().rglob("*") if path.is_file()}


def refused(run: Run, *arguments: str) -> str:
    """Return why a command is refused, in one line and with nothing changed."""
    before = files()
    status, out, error = run(*arguments)
    assert (status, out) == (2, "")
    assert re.fullmatch(r"tinygrad-hw: .*\n", error)
    assert files() == before
    return error.removeprefix("tinygrad-hw: ").rstrip("\n")


WRITING = {  # every verb that writes, with a place for what it writes
    "check": ("check", "a.toml", "--html", "{}"),
    "check --json": ("check", "a.toml", "--json", "--html", "{}"),
    "check a folder": ("check", "keys", "--csv", "{}"),
    "page": ("page", "a.toml", "-o", "{}"),
    "draw": ("draw", "a.toml", "-o", "{}"),
    "exercise": ("exercise", "--net", "1-1", "-o", "{}"),
    "results": ("check", "a.toml", "--gradescope", "{}"),
    "questions": ("blank", "a.toml", "--qti", "{}"),
    "key": ("exercise", "--net", "1-1", "-o", "new.toml", "--key", "{}"),
}
every_verb = pytest.mark.parametrize("verb", WRITING)


def ending(verb: str) -> str:
    return {"draw": ".svg", "questions": ".zip"}.get(verb, ".toml")


def command(verb: str, out: str, *options: str) -> list[str]:
    return [part.format(out) for part in WRITING[verb]] + list(options)


# --- What is read ---------------------------------------------------------------------------------


@pytest.mark.usefixtures("sheets")
@pytest.mark.parametrize("options", [(), ("--force",)])
@pytest.mark.parametrize(
    ("arguments", "file"),
    [
        (("check", "a.toml", "--html", "a.toml"), "a.toml"),
        (("page", "a.toml", "-o", "a.toml"), "a.toml"),
        (("page", "a.toml", "-o", "d/../a.toml"), "d/../a.toml"),
        (("draw", "a.toml", "-o", "a.svg"), "a.svg"),
        (("page", "a.svg", "-o", "a.toml"), "a.toml"),
        (("check", "keys", "--csv", "keys/key-001.toml"), "keys/key-001.toml"),
        (("check", "a.toml", "b.toml", "--csv", "b.toml"), "b.toml"),
        (("check", "a.toml", "--against", "b.toml", "--html", "b.toml"), "b.toml"),
        (("check", "keys", "--against", "d", "--csv", "d/sheet-001.toml"), "d/sheet-001.toml"),
        (("check", "keys", "--html", "pages"), "pages/key-001-marked.html"),
    ],
)
@pytest.mark.parametrize("link", [os.symlink, os.link])
def test_what_is_read_is_never_written_to(
    run: Run, link: Link, arguments: tuple[str, ...], file: str, options: tuple[str, ...]
) -> None:
    link("a.toml", "a.svg")
    Path("pages").mkdir()
    link(str(Path("keys/key-002.toml").absolute()), "pages/key-001-marked.html")
    assert refused(run, *arguments, *options) == f"{file} {READ}"


def test_a_shipped_sheet_is_never_written_to(run: Run) -> None:
    from tinygrad_hw.homework import sheet_path

    path = sheet_path("q1a")
    before = path.read_bytes()
    for options in ((), ("--force",)):
        assert refused(run, "page", "q1a", "-o", str(path), *options) == f"{path} {READ}"
    assert path.read_bytes() == before


# --- What is there --------------------------------------------------------------------------------


@every_verb
def test_a_sheet_is_written_over_only_by_force(
    run: Run, sheets: dict[str, bytes], verb: str
) -> None:
    for other in ("b.svg", "b.zip"):
        os.symlink("b.toml", other)
    name = "b" + ending(verb)
    assert refused(run, *command(verb, name)) == f"{name} {THERE}"
    status, _, error = run(*command(verb, name, "--force"))
    assert (status, error) == (0, "")
    assert Path("b.toml").read_bytes() != sheets["b.toml"]


@pytest.mark.usefixtures("sheets")
@pytest.mark.parametrize("content", [b"mine", b"<!DOCTYPE html>\n<html>", b"<svg>", b"\xff", b"\n"])
@every_verb
def test_what_is_not_the_verb_s_own_is_kept(run: Run, verb: str, content: bytes) -> None:
    name = "mine" + ending(verb)
    Path(name).write_bytes(content)
    assert refused(run, *command(verb, name)) == f"{name} {THERE}"
    assert run(*command(verb, name, "--force"))[0] == 0


@pytest.mark.usefixtures("sheets")
def test_one_verb_s_page_is_not_another_s(run: Run) -> None:
    to_a = ("check", "a.toml", "--html", "a.html")
    assert run("page", "a.toml")[0] == 0
    assert refused(run, *to_a) == f"a.html {THERE}"
    assert run(*to_a, "--force")[0] == 0
    assert refused(run, "page", "a.toml") == f"a.html {THERE}"


@pytest.mark.usefixtures("sheets")
def test_pages_to_step_through_and_to_hand_back_have_names_of_their_own(run: Run) -> None:
    for _ in range(2):
        assert run("page", "a.toml")[0] == 0
        assert run("check", "a.toml", "--html")[0] == 0
    assert {"a.html", "a-marked.html"} <= files().keys()


@pytest.mark.usefixtures("sheets")
def test_no_page_of_a_folder_is_written_where_one_is_refused(run: Run) -> None:
    Path("pages").mkdir()
    Path("pages/key-002-marked.html").write_text("mine")
    error = refused(run, "check", "keys", "--html", "pages", "--csv", "marks.csv")
    assert error == f"pages/key-002-marked.html {THERE}"


@pytest.mark.usefixtures("sheets")
@every_verb
def test_a_verb_replaces_its_own_earlier_output(run: Run, verb: str) -> None:
    name = "new/out" + ending(verb)
    Path("new").mkdir()
    for _ in range(2):
        status, _, error = run(*command(verb, name))
        assert (status, error) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "out"),
    [
        (("check", "{}", "--html", "out"), "out"),
        (("check", "{}", "--html", "out", "--hints", "1"), "out"),
        (("page", "{}", "-o", "out"), "out"),
        (("draw", "{}", "-o", "out.svg"), "out.svg"),
        (("draw", "{}", "-o", "out.svg", "--scalar"), "out.svg"),
        (("draw", "{}", "-o", "out.dot"), "out.dot"),
        (("draw", "{}", "-o", "out.gv", "--scalar"), "out.gv"),
    ],
)
def test_another_sheet_s_output_of_the_same_verb_is_replaced(
    run: Run, sheets: dict[str, bytes], arguments: tuple[str, ...], out: str
) -> None:
    """Whatever the sheet says: long titles too."""
    long = b'title = "' + b"<&\xe2\x88\x82" * 100 + b'"\n'
    Path("long.toml").write_bytes(long + sheets["a.toml"])
    results = set()
    for sheet in ("long.toml", "q1a", "b.toml", "long.toml"):
        status, _, error = run(*(part.format(sheet) for part in arguments))
        assert (status, error) == (0, "")
        results.add(Path(out).read_bytes())
    assert len(results) == 3


@pytest.mark.usefixtures("sheets")
def test_another_folder_s_marks_and_pages_are_replaced(run: Run) -> None:
    for _ in range(2):
        status, _, error = run("check", "keys", "--csv", "marks.csv", "--html")
        assert (status, error) == (0, "")
        Path("keys/key-002.toml").write_bytes(Path("b.toml").read_bytes())
    assert b"key-002.toml,,0.5,1," in Path("marks.csv").read_bytes()


# --- Two outputs ----------------------------------------------------------------------------------


@pytest.mark.usefixtures("sheets")
@pytest.mark.parametrize("options", [(), ("--force",)])
@pytest.mark.parametrize("key", ["same.toml", "d/../same.toml", "link.toml"])
def test_a_sheet_and_its_key_are_two_files(run: Run, key: str, options: tuple[str, ...]) -> None:
    Path("link.toml").symlink_to("same.toml")
    error = refused(run, "exercise", "--net", "1-1", "-o", "same.toml", "--key", key, *options)
    assert error == "--out and --key are the same file; give another for the key"


@pytest.mark.usefixtures("sheets")
@pytest.mark.parametrize("options", [(), ("--force",)])
def test_marks_and_a_page_are_two_files(run: Run, options: tuple[str, ...]) -> None:
    arguments = (
        "check",
        "keys",
        "--csv",
        "new/key-001-marked.html",
        "--html",
        "./new/../new",
        *options,
    )
    error = refused(run, *arguments)
    assert error.startswith("new/key-001-marked.html and new/../new/key-001-marked.html are the")


@pytest.mark.usefixtures("sheets")
def test_marks_where_the_folder_of_pages_is_to_be_leave_nothing(run: Run) -> None:
    assert "cannot write new" in refused(run, "check", "keys", "--csv", "new", "--html", "new")


# --- Places ---------------------------------------------------------------------------------------


@pytest.mark.usefixtures("sheets")
@pytest.mark.parametrize("options", [(), ("--force",)])
@every_verb
def test_a_loop_of_links_is_one_line(run: Run, verb: str, options: tuple[str, ...]) -> None:
    name = "loop" + ending(verb)
    Path(name).symlink_to("pool")
    Path("pool").symlink_to(name)
    reason = refused(run, *command(verb, name, *options))
    assert reason == (
        f"cannot write {name}: too many levels of symbolic links; give a place that can be written"
    )


@pytest.mark.usefixtures("sheets")
@pytest.mark.parametrize("options", [(), ("--force",)])
@every_verb
def test_a_folder_is_no_place_for_a_file(run: Run, verb: str, options: tuple[str, ...]) -> None:
    name = "folder" + ending(verb)
    Path(name).mkdir()
    assert name in refused(run, *command(verb, name, *options))
