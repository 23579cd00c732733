"""Sheets are found wherever they are; what is refused or passed over is named."""

import io
import os
import re
import struct
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from tinygrad_hw.errors import InputError
from tinygrad_hw.worksheet import class_lines, handed_in, mark_all, marks_table
from tinygrad_hw.worksheet.classroom import handed_in as module

SHEET = '[parameters]\nw = 1\n[forward]\nE = "w"\n[update]\nloss = "E"\nrate = 1\n'
ANSWERED = SHEET + '[answers.forward]\nE = "1"\n'


def pack(files: Mapping[str, str]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return content.getvalue()


def lay_out(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def found(*paths: Path) -> tuple[list[str], dict[str, str], list[str]]:
    """The names of the sheets that can be read, the errors of the others, and what is no sheet."""
    hand_in = handed_in(paths)
    errors = {s.name: s.error for s in hand_in.submissions if s.text is None}
    assert all(result.error for result in mark_all(hand_in.submissions) if result.marks is None)
    return (
        [s.name for s in hand_in.submissions if s.text is not None],
        errors,
        hand_in.passed_over,
    )


# --- As course systems make them ------------------------------------------------------------------

CANVAS = {  # names as Canvas's lib/content_zipper.rb makes them
    "adamsamy_LATE_101_9001_hw.toml": ("adamsamy", "101"),
    "o_neill_102_9002_hw_2-1.toml": ("o_neill", "102"),
    "李明_103_9003_hw.toml": ("李明", "103"),
    "हिन्दी_104_9005_hw-1.toml": ("हिन्दी", "104"),
    "stray_105_9006_hw.toml.txt": ("stray", "105"),
    "anon_x7Qz1_9004_hw.toml": ("", "x7Qz1"),
}
MOODLE = {  # as Moodle's mod/assign/classes/downloader.php makes them, older ones with "_/"
    "Amy Adams_101_assignsubmission_file/hw.toml": ("Amy Adams", "101"),
    "Zoë O'Neill_102_assignsubmission_file_/part 1/hw.toml": ("Zoë O'Neill", "102"),
    "Participant_103_assignsubmission_file_hw.toml": ("Participant", "103"),
    "Default group_assignsubmission_file/hw.toml": ("Default group", ""),
    "मीना_104_assignsubmission_file/hw.toml.TXT": ("मीना", "104"),
}
GRADESCOPE = {
    "assignment_7_export/submission_11/hw.toml": ("Amy Adams", "s101"),
    "assignment_7_export/submission_12/hw.toml": ("Zoë O'Neill, 李明", "102, 103"),
    "assignment_7_export/submission_13/hw.toml": ("", ""),
    "assignment_7_export/submission_14/part/hw.toml": ('Ada 😀 "L"', "é7"),
}
METADATA = """\
---
submission_11:
  :submitters:
  - :name: Amy Adams
    :sid: s101
    :email: amy@example.org
  :created_at: 2020-02-01 12:00:00.000000000 Z
  :history:
  - :id: 1
    :name: somebody else
submission_12:
  :created_at: 2020-02-01 12:00:00.000000000 Z
  :submitters:
  - :name: 'Zoë O''Neill'
    :sid: '102'
  - :name: "李明"
    :sid: '103'
submission_14:
  :submitters:
  - :name: "Ada \\U0001F600 \\"L\\""
    :sid: "\\xE97"
"""


@pytest.mark.parametrize(
    "system", [CANVAS, MOODLE, GRADESCOPE], ids=["Canvas", "Moodle", "Gradescope"]
)
@pytest.mark.parametrize("form", ["zip", "folder"])
def test_a_download_is_read_as_it_comes_and_says_whose_a_sheet_is(
    tmp_path: Path, system: dict[str, tuple[str, str]], form: str
) -> None:
    files = dict.fromkeys(system, ANSWERED)
    if system is GRADESCOPE:
        files["assignment_7_export/submission_metadata.yml"] = METADATA
    path = tmp_path / f"submissions.{form}"
    if form == "zip":
        path.write_bytes(pack(files))
    else:
        lay_out(path, files)
    hand_in = handed_in([path])
    owners = {s.name: (s.owner.name, s.owner.identifier) for s in hand_in.submissions}
    assert owners == system
    assert hand_in.passed_over == []
    assert all(result.marks for result in mark_all(hand_in.submissions))


CLAIM = "submission_12:\n  :submitters:\n  - :name: Mallory\n    :sid: m666\n"


@pytest.mark.parametrize("form", ["zip", "folder"])
def test_what_a_student_hands_in_changes_nobody_s_name(tmp_path: Path, form: str) -> None:
    top = "assignment_7_export"
    files = {
        f"{top}/submission_metadata.yml": METADATA,
        f"{top}/submission_11/hw.toml": ANSWERED,
        f"{top}/submission_11/submission_metadata.yml": CLAIM,
        f"{top}/submission_11/submission_12/hw.toml": ANSWERED,
        f"{top}/submission_12/hw.toml": ANSWERED,
    }
    path = tmp_path / f"submissions.{form}"
    if form == "zip":
        path.write_bytes(pack(files))
    else:
        lay_out(path, files)
        inner = {"submission_metadata.yml": CLAIM, "submission_12/more.toml": ANSWERED}
        (path / top / "submission_11/more.zip").write_bytes(pack(inner))
    of = {s.name.removeprefix(f"{top}/"): s.owner.name for s in handed_in([path]).submissions}
    assert of["submission_12/hw.toml"] == "Zoë O'Neill, 李明"
    assert {of.pop(name) for name in list(of) if name.startswith("submission_11")} == {"Amy Adams"}


def test_names_inside_an_archive_that_a_student_handed_in_are_no_owners(tmp_path: Path) -> None:
    """Canvas names the archive; what is in it may be called after somebody else."""
    inner = {"oneill_102_9_hw.toml": ANSWERED, "hw.toml": ANSWERED}
    (tmp_path / "adamsamy_101_9001_hw.zip").write_bytes(pack(inner))
    owners = {s.owner.identifier for s in handed_in([tmp_path]).submissions}
    assert owners == {"101"}


@pytest.mark.parametrize(
    ("file", "owner"),
    [
        ("mallory_79_9001_x_77_assignsubmission_file_hw.toml", ("mallory", "79")),
        ("mallory_79_9001_hilbert_77_1_hw.toml", ("mallory", "79")),
        ("Mallory_79_assignsubmission_file/hilbert_77_1_hw.toml", ("Mallory", "79")),
        ("Mallory_79_assignsubmission_file/H_77_assignsubmission_file/a.toml", ("Mallory", "79")),
        ("Mallory_79_assignsubmission_file_hilbert_77_1_hw.toml", ("Mallory", "79")),
    ],
)
def test_a_name_that_looks_like_another_s_does_not_make_it_theirs(
    tmp_path: Path, file: str, owner: tuple[str, str]
) -> None:
    lay_out(tmp_path, {file: ANSWERED})
    [sheet] = handed_in([tmp_path]).submissions
    assert (sheet.owner.name, sheet.owner.identifier) == owner


@pytest.mark.parametrize(
    "archive", ["hw_2026_11_30.zip", "hw_30_11_2026.zip", "hw_30_11_2026_x.zip", "a_1_2_x.zip"]
)
def test_an_archive_with_a_date_is_the_teacher_s(tmp_path: Path, archive: str) -> None:
    (tmp_path / archive).write_bytes(pack(dict.fromkeys(CANVAS, ANSWERED)))
    owners = [s.owner.identifier for s in handed_in([tmp_path]).submissions]
    assert sorted(owners) == sorted(number for _, number in CANVAS.values())


def test_the_name_on_the_sheet_goes_before_that_of_the_course_system(tmp_path: Path) -> None:
    named = f'student = "Amy"\n{ANSWERED}'
    lay_out(tmp_path, {"a_1_2_x.toml": named, "b_3_4_x.toml": ANSWERED, "c_5_6_x.toml": "["})
    results = mark_all(handed_in([tmp_path]).submissions)
    assert [result.student for result in results] == ["Amy", "b", "c"]


# --- Folders --------------------------------------------------------------------------------------


def test_folders_are_searched_to_any_depth_and_all_else_is_named(tmp_path: Path) -> None:
    lay_out(
        tmp_path,
        {
            "z.TOML": SHEET,
            "a/b/c/hw.toml": SHEET,
            "a/scan.pdf": "",
            "a/hw.toml.doc": "",
            ".git/config.toml": "",
            "._z.toml": "",
        },
    )
    (tmp_path / "b.zip").write_bytes(pack({"hw.toml": SHEET, "deeper/other.zip": ""}))
    sheets, errors, passed_over = found(tmp_path)
    assert sheets == ["b.zip/hw.toml", "z.TOML", "a/b/c/hw.toml"]
    inner = "b.zip/deeper/other.zip"
    why = "is an archive in an archive; unpack the outer one, and give its folder"
    assert errors == {inner: f"{tmp_path}/{inner}: {why}"}
    assert passed_over == [
        ".git/",
        "._z.toml",
        "a/hw.toml.doc",
        "a/scan.pdf",
    ]


def test_several_paths_are_told_apart(tmp_path: Path) -> None:
    lay_out(tmp_path, {"one/hw.toml": SHEET, "two/hw.toml": SHEET, "three/x/hw.toml": SHEET})
    (tmp_path / "four.zip").write_bytes(pack({"hw.toml": SHEET}))
    names = ("one", "two/hw.toml", "three/x", "four.zip", "one")
    sheets, errors, _ = found(*(tmp_path / name for name in names))
    assert sheets == ["one/hw.toml", "two/hw.toml", "three/x/hw.toml", "four.zip/hw.toml"]
    assert errors == {}


def test_links_are_not_followed(tmp_path: Path) -> None:
    lay_out(tmp_path, {"elsewhere/hw.toml": SHEET, "class/hw.toml": SHEET})
    for name in ("linked", "linked.toml", "linked.zip", "linked.pdf", "loop"):
        (tmp_path / "class" / name).symlink_to(tmp_path / "elsewhere" / ("hw.toml" * ("." in name)))
    sheets, errors, passed_over = found(tmp_path / "class")
    assert sheets == ["hw.toml"]
    assert set(errors) == {"linked.toml", "linked.zip"}
    assert all(error.endswith(": is a link; give the file itself") for error in errors.values())
    assert passed_over == ["linked/", "loop/", "linked.pdf"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_what_windows_makes_of_a_sheet_is_read(tmp_path: Path, encoding: str) -> None:
    """PowerShell's > writes UTF-16, Notepad a byte order mark and an ending that is not shown."""
    path = tmp_path / "hw.toml.txt"
    path.write_bytes(ANSWERED.replace("\n", "\r\n").encode(encoding))
    [result] = mark_all(handed_in([tmp_path]).submissions)
    assert result.submission.stem == "hw"
    assert result.marks
    assert result.marks.summary["exact"] == 1


def test_a_name_in_another_encoding_is_one_that_can_be_written(tmp_path: Path) -> None:
    name = os.fsdecode(b"n\xf6ther_7_1_hw.toml")
    lay_out(tmp_path, {name: ANSWERED})
    results = list(mark_all(handed_in([tmp_path]).submissions))
    assert "\nn\ufffdther_7_1_hw.toml,n\ufffdther,1,1,100.0," in marks_table(results)
    assert results[0].submission.place.read_text() == ANSWERED
    "\n".join(class_lines(results)).encode()


def test_a_pipe_is_refused(tmp_path: Path) -> None:
    lay_out(tmp_path, {"hw.toml": SHEET})
    os.mkfifo(tmp_path / "pipe.toml")
    os.mkfifo(tmp_path / "pipe.zip")
    os.mkfifo(tmp_path / "pipe.html")
    os.mkfifo(tmp_path / "submission_metadata.yml")
    sheets, errors, _ = found(tmp_path)
    assert sheets == ["hw.toml"]
    assert set(errors) == {"pipe.toml", "pipe.zip"}
    assert all("is a pipe" in error for error in errors.values())


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "class: there is no .toml file in it; give what was handed in"),
        ({"a.pdf": ""}, "class: there is no .toml file in it, only 1 other; give what was"),
        ({"a/b.pdf": "", "c": ""}, "class: there is no .toml file in it, only 2 others; give"),
    ],
)
def test_a_class_without_sheets_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("class").mkdir()
    lay_out(Path("class"), files)
    with pytest.raises(InputError, match="^" + re.escape(message)):
        handed_in([Path("class")])


def test_sheets_of_too_many_bytes_in_all_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 2 * len(SHEET))
    for name in ("a", "b", "c"):
        lay_out(tmp_path, {f"{name}.toml": SHEET})
    with pytest.raises(InputError, match=r"c.toml: with it, the sheets have more than [\d,]+ char"):
        handed_in([tmp_path])


def test_too_many_sheets_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_SHEETS", 2)
    lay_out(tmp_path, dict.fromkeys(("a.toml", "b.toml", "c.toml"), SHEET))
    with pytest.raises(InputError, match=r"c.toml: is one more than 2 sheets; give fewer at a"):
        handed_in([tmp_path])


def test_of_many_bombs_few_are_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is as large as a sheet, and no text: what is unpacked counts, not what is kept."""
    monkeypatch.setattr(module, "MOST_BYTES", 3_000_000)
    path = tmp_path / "class.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for i in range(9):
            archive.writestr(f"{i}.toml", b"\xff" * 900_000)
    with pytest.raises(InputError, match=r"class.zip/3.toml: with it, the sheets have more than"):
        handed_in([path])


@pytest.mark.parametrize(
    ("limit", "most", "message"),
    [
        (
            "MOST_BYTES_INSIDE",
            3_000_000,
            "a.zip/3.toml: with it, the sheets have more than 3,000,000",
        ),
        ("MOST_SHEETS_INSIDE", 5, "a.zip/5.toml: is one more than"),
    ],
)
def test_an_archive_of_bombs_spoils_no_other_sheet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, most: int, message: str
) -> None:
    monkeypatch.setattr(module, limit, most)
    monkeypatch.setattr(module, "MOST_BYTES", 4_000_000)
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for i in range(9):
            archive.writestr(f"{i}.toml", "#" * (900_000 if "BYTES" in limit else 9))
    lay_out(tmp_path, {"b.toml": SHEET + "#" * 900_000})
    sheets, errors, _ = found(tmp_path)
    assert sheets == ["b.toml"]
    assert list(errors) == ["a.zip"]
    assert message in errors["a.zip"]


def test_of_many_other_files_in_an_archive_some_are_named_and_all_counted(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(pack({f"{i:04}.txt": "" for i in range(1_200)}))
    lay_out(tmp_path, {"b.toml": SHEET, "c.txt": ""})
    passed_over = handed_in([tmp_path]).passed_over
    assert passed_over[:2] == ["a.zip/0000.txt", "a.zip/0001.txt"]
    assert passed_over[-3:] == ["a.zip/0049.txt", "a.zip: 1,150 more", "c.txt"]


@pytest.mark.parametrize(
    "line", ["  - :name: x{}x", "  - :name:{}x", '  - :name: "{}"', "  -{}:name: x", "{}:"]
)
@pytest.mark.parametrize("filling", [" ", "\\", "_1", "'"])
def test_no_line_of_metadata_is_read_for_ever(tmp_path: Path, line: str, filling: str) -> None:
    metadata = METADATA + "  :submitters:\n" + line.format(filling * 500_000)
    lay_out(tmp_path, {"submission_11/hw.toml": SHEET, "submission_metadata.yml": metadata})
    [sheet] = handed_in([tmp_path]).submissions
    assert sheet.owner.identifier == "s101"


def test_metadata_count_as_what_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 3_000_000)
    path = tmp_path / "class.zip"
    path.write_bytes(pack({f"{i}/submission_metadata.yml": "#" * 900_000 for i in range(9)}))
    with pytest.raises(InputError, match=r"class.zip/3/submission_metadata.yml: with it, the"):
        handed_in([path])


# --- Archives of strangers ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "../hw.toml",
        "a/../../hw.toml",
        "/etc/hw.toml",
        "..\\hw.toml",
        "\\\\server\\hw.toml",
        "C:hw.toml",
        "c:\\hw.toml",
        "a/..\\hw.toml",
    ],
)
def test_a_name_that_leads_out_of_an_archive_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "class.zip"
    path.write_bytes(pack({name: SHEET, "a..b/hw...toml": SHEET}))
    sheets, errors, _ = found(path)
    assert sheets == ["a..b/hw...toml"]
    [error] = errors.values()
    assert error.endswith(": its name leads out of the archive; ask for it again")
    assert error.count("\n") == 0


@pytest.mark.parametrize(
    "name", ["d/" * 600 + "hw.toml", "n" * 251 + ".toml", "é" * 130 + "/a.toml"]
)
def test_a_name_that_no_file_can_have_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "class.zip"
    path.write_bytes(pack({name: SHEET, "n" * 250 + ".toml": SHEET}))
    sheets, errors, _ = found(path)
    assert sheets == ["n" * 250 + ".toml"]
    [error] = errors.values()
    assert error.endswith(": its name is too long for a file; ask for it under a shorter one")
    assert len(error) < 600


@pytest.mark.parametrize(
    ("name", "encoding"),
    [("李明", "utf-8"), ("zoë", "utf-8"), ("zoe\u0308", "utf-8"), ("zoë", "cp437")],
)
def test_names_of_which_an_archive_does_not_say_the_encoding_are_read(
    tmp_path: Path, name: str, encoding: str
) -> None:
    place = "?" * len(name.encode(encoding))
    content = pack({f"{place}_103_9003_hw.toml": ANSWERED})
    (tmp_path / "a.zip").write_bytes(content.replace(place.encode(), name.encode(encoding)))
    [sheet] = handed_in([tmp_path / "a.zip"]).submissions
    assert sheet.name == f"{name}_103_9003_hw.toml"
    assert sheet.owner.identifier == "103"
    assert sheet.text == ANSWERED


def test_a_link_in_an_archive_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "class.zip"
    with zipfile.ZipFile(path, "w") as archive:
        link = zipfile.ZipInfo("link.toml")
        link.create_system, link.external_attr = 3, 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr("hw.toml", SHEET)
    sheets, errors, _ = found(path)
    assert sheets == ["hw.toml"]
    assert errors["link.toml"].endswith("link.toml: is a link; ask for the file itself")


def test_a_bomb_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "class.zip"
    path.write_bytes(pack({"bomb.toml": "#" * 5_000_000, "hw.toml": SHEET}))
    opened = []
    real = zipfile.ZipFile.open
    monkeypatch.setattr(
        zipfile.ZipFile, "open", lambda *args: opened.append(args[1].filename) or real(*args)
    )
    sheets, errors, _ = found(path)
    assert sheets == opened == ["hw.toml"]
    assert "bomb.toml: is larger than 1,000,000 bytes; a sheet is a small" in errors["bomb.toml"]


def test_an_entry_that_lies_about_its_size_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "class.zip"
    content = pack({"bomb.toml": "#" * 5_000_000, "hw.toml": SHEET})
    path.write_bytes(content.replace(struct.pack("<I", 5_000_000), struct.pack("<I", 500)))
    sheets, errors, _ = found(path)
    assert sheets == ["hw.toml"]
    assert "bomb.toml: is damaged in its archive (" in errors["bomb.toml"]


def test_what_cannot_be_unpacked_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "class.zip"
    with warnings.catch_warnings(action="ignore"), zipfile.ZipFile(path, "w") as archive:
        archive.writestr("locked.toml", SHEET)
        archive.writestr("packed.toml", SHEET, zipfile.ZIP_LZMA)
        archive.writestr("twice.toml", SHEET)
        archive.writestr("twice.toml", SHEET)
        archive.writestr("latin.toml", b'title = "\xe9"')
        archive.writestr("a\nb.toml", "[")
    content = bytearray(path.read_bytes())
    flags = content.index(b"PK\x01\x02") + 8  # of the first entry of the directory
    content[flags] |= 1
    path.write_bytes(content)
    sheets, errors, _ = found(path)
    assert sheets == ["a\nb.toml", "twice.toml"]
    endings = {
        "latin.toml": "latin.toml, line 1: byte 9 is not UTF-8; save the file as UTF-8",
        "locked.toml": "locked.toml: is locked with a password; ask for it without one",
        "packed.toml": "is packed by method 14; pack it as zip programs do by themselves",
        "twice.toml": "twice.toml: is in the archive twice; the first one counts",
    }
    assert errors.keys() == endings.keys()
    for name, ending in endings.items():
        assert errors[name].endswith(ending)


def test_what_is_no_archive_is_an_error_alone_and_named_in_a_folder(tmp_path: Path) -> None:
    path = tmp_path / "class.zip"
    path.write_bytes(b"PK, but no more")
    with pytest.raises(InputError, match=r"class\.zip: not a zip archive that can be read \("):
        handed_in([path])
    lay_out(tmp_path, {"hw.toml": SHEET})
    sheets, errors, _ = found(tmp_path)
    assert sheets == ["hw.toml"]
    assert "not a zip archive that can be read" in errors["class.zip"]


def test_a_directory_without_end_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_DIRECTORY", 1000)
    path = tmp_path / "class.zip"
    path.write_bytes(pack({f"{i}.toml": "" for i in range(100)}))
    with pytest.raises(InputError, match="directory of more than 1000 bytes"):
        handed_in([path])
