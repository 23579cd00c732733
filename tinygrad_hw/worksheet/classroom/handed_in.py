"""Find what was handed in: sheets in folders of any depth, and in zip archives.

Nothing is unpacked to disk. What comes from strangers is bounded, and refused by name where it is a
link, has a name that leads out of its archive, or is larger than any sheet. What is no sheet is
named, too.
"""

from __future__ import annotations

import os
import re
import stat
import zipfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tinygrad_hw.data.archive import METHODS, ZIP_ERRORS, open_archive
from tinygrad_hw.data.source import reason_text
from tinygrad_hw.errors import InputError
from tinygrad_hw.files import OPENING_BYTES
from tinygrad_hw.worksheet.classroom.downloads import METADATA, Owner, owner_of, read_metadata
from tinygrad_hw.worksheet.classroom.submission import ENDING, Submission
from tinygrad_hw.worksheet.sheet.messages import printable
from tinygrad_hw.worksheet.sheet.model import SheetError
from tinygrad_hw.worksheet.sheet.reader import MAX_BYTES, read_text, text_of

MOST_BYTES = 200_000_000  # of all sheets together; a class of a thousand has 10,000,000
MOST_SHEETS = 20_000
MOST_BYTES_INSIDE, MOST_SHEETS_INSIDE = 20_000_000, 2_000  # of an archive in a folder: a section
NAMED_INSIDE = 50  # of what is no sheet in such an archive; the others are counted
MOST_METADATA = 20_000_000
LONGEST_NAME = 1000  # characters, folders included: of any script, it fits where a system ends
MOST_DIRECTORY = 1 << 24  # bytes of an archive's directory: a hundred thousand files

_HIDDEN = re.compile(r"(^|/)(\.(?!\.?(/|$))|__MACOSX(/|$))")
_LEADS_OUT = re.compile(r"/|[A-Za-z]:|(.*/)?\.\.(/|$)", re.DOTALL)


@dataclass(slots=True)
class HandedIn:
    """What was found: the sheets in order, the names of all else, and the files that were read."""

    submissions: list[Submission] = field(default_factory=list)
    passed_over: list[str] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)


def handed_in(paths: Sequence[Path], outputs: Sequence[re.Pattern[bytes]] = ()) -> HandedIn:
    """Find the sheets in folders and their sub-folders, in zip archives, and files by themselves.

    Parameters
    ----------
    paths
        Folders, archives and sheets. Where there are several, names tell them apart.
    outputs
        How files begin that this program has written: these are not handed in.

    Raises
    ------
    InputError
        If there is no sheet, or one of the paths cannot be read.
    """
    finder = _Finder(outputs)
    tops = [os.path.abspath(path if path.is_dir() else path.parent) for path in paths]
    root = os.path.commonpath(tops)
    for path in dict.fromkeys(paths):
        name = Path(os.path.relpath(os.path.abspath(path), root)).as_posix()
        if path.is_dir():
            finder.search_folder(path, "" if name == "." else f"{name}/")
        elif _is_archive(path.name):
            finder.search_archive(path, "" if len(paths) == 1 else f"{name}/")
        else:
            text = read_text(path)
            finder.count(len(text), str(path))
            finder.found.files.append(path)
            finder.add(path, name, text)
    if not finder.found.submissions:
        where = printable(", ".join(map(str, paths)))
        others = len(finder.found.passed_over)
        only = f", only {others} other{'s' * (others > 1)}" if others else ""
        raise SheetError(f"{where}: there is no .toml file in it{only}; give what was handed in")
    return finder.found


def _encodable(name: str) -> str:
    """Return a name with a sign for each byte of it that is not UTF-8, and in no table could be."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _shortened(name: str) -> str:
    """Return a name, or where no file could have it for its length, its beginning and end."""
    return name if len(name) <= LONGEST_NAME else f"{name[:40]}…{name[-40:]}"


def _is_sheet(name: str) -> bool:
    return ENDING.search(name) is not None


def _is_archive(name: str) -> bool:
    return name.lower().endswith(".zip")


def _is_hidden(name: str) -> bool:
    """Return whether a system has made a file, and no student."""
    return bool(_HIDDEN.search(name))


class _Finder:
    """A search for sheets; see ``handed_in``. A ``name`` is the path inside what was given."""

    def __init__(self, outputs: Sequence[re.Pattern[bytes]]) -> None:
        self.found = HandedIn()
        self.outputs = outputs
        self.owners: dict[str, Owner] = {}
        self.most_bytes = self.bytes_left = MOST_BYTES
        self.most_sheets = MOST_SHEETS

    def add(
        self, place: Path, name: str, text: str | None, where: str = "", error: str = ""
    ) -> None:
        """Add a sheet by its text, or by the error for which it has none."""
        name, where = _encodable(name), _encodable(where or str(place))
        owner = owner_of(name.split("/"), self.owners)
        self.found.submissions.append(Submission(name, where, place, owner, text, error))
        if len(self.found.submissions) > self.most_sheets:
            most = f"{self.most_sheets:,} sheets"
            raise SheetError(f"{printable(where)}: is one more than {most}; give fewer at a time")

    def count(self, size: int, where: str) -> None:
        """Count the characters of a sheet, or the bytes that are about to be unpacked for it."""
        self.bytes_left -= size
        if self.bytes_left < 0:
            raise SheetError(
                f"{printable(where)}: with it, the sheets have more than {self.most_bytes:,} "
                "characters; give fewer at a time"
            )

    def pass_over(self, name: str) -> None:
        self.found.passed_over.append(printable(name))

    # --- Folders ----------------------------------------------------------------------------------

    def search_folder(self, top: Path, prefix: str) -> None:
        problems: list[OSError] = []
        for folder, folders, files in os.walk(top, onerror=problems.append):
            inside = Path(os.path.relpath(folder, top)).as_posix()
            start = prefix if inside == "." else f"{prefix}{inside}/"
            for name in sorted(folders):
                if _is_hidden(name) or os.path.islink(os.path.join(folder, name)):
                    folders.remove(name)
                    self.pass_over(f"{start}{name}/")
            folders.sort()
            if METADATA in files:
                self.read_owners(Path(folder, METADATA), start)
                files.remove(METADATA)
            for name in sorted(files):
                self.visit(Path(folder, name), start + name)
        for error in problems:
            reason = f"{printable(error.filename)}: {(error.strerror or str(error)).lower()}"
            if error.filename == os.fspath(top):
                raise SheetError(f"{reason}; give a folder that can be read")
            inside = Path(os.path.relpath(error.filename, top)).as_posix()
            self.add(Path(error.filename), f"{prefix}{inside}", None, error=reason)

    def visit(self, path: Path, name: str) -> None:
        is_wanted = _is_sheet(name) or _is_archive(name)
        if not is_wanted or _is_hidden(name):
            if not self.is_output(path):
                self.pass_over(name)
            return
        try:
            if path.is_symlink():
                raise SheetError(f"{printable(str(path))}: is a link; give the file itself")
            if _is_archive(name):
                self.search_inner_archive(path, name)
            else:
                text = read_text(path)
        except InputError as error:
            self.add(path, name, None, error=str(error))
        else:
            if _is_sheet(name):
                self.found.files.append(path)
                self.count(len(text), str(path))
                self.add(path, name, text)

    def search_inner_archive(self, path: Path, name: str) -> None:
        """Search an archive of a folder, which a student may have made: it spoils no other's."""
        before = self.most_bytes, self.bytes_left, self.most_sheets
        known, others = len(self.found.submissions), len(self.found.passed_over)
        self.most_bytes = self.bytes_left = min(self.bytes_left, MOST_BYTES_INSIDE)
        self.most_sheets = min(self.most_sheets, known + MOST_SHEETS_INSIDE)
        unpacked = 0
        try:
            self.search_archive(path, f"{name}/")
            unpacked = self.most_bytes - self.bytes_left
        except InputError:
            del self.found.submissions[known:]
            raise
        finally:
            self.most_bytes, self.bytes_left, self.most_sheets = before
            self.bytes_left -= unpacked
            if (more := len(self.found.passed_over) - others - NAMED_INSIDE) > 0:
                last = f"{printable(name)}: {more:,} more"
                self.found.passed_over[others + NAMED_INSIDE :] = [last]

    def is_output(self, path: Path) -> bool:
        if path.is_symlink() or not path.is_file():
            return False
        try:
            with path.open("rb") as file:
                start = file.read(OPENING_BYTES)
        except OSError:
            return False
        return any(opening.match(start) for opening in self.outputs)

    def read_owners(self, path: Path, start: str) -> None:
        """Read the metadata of a download of Gradescope's; without them, no name is known.

        They count for the folders beside them, whose paths begin with ``start``.
        """
        if path.is_symlink() or not path.is_file():
            return
        try:
            with path.open("rb") as file:
                content = file.read(MOST_METADATA)
        except OSError:
            return
        self.add_owners(content, start)

    def add_owners(self, metadata: bytes, start: str) -> None:
        owners = read_metadata(metadata.decode("utf-8", "replace"))
        self.owners |= {start + folder: owner for folder, owner in owners.items()}

    # --- Archives ---------------------------------------------------------------------------------

    def search_archive(self, path: Path, prefix: str) -> None:
        expected = "the zip archive that a course system made"
        with open_archive(path, MOST_DIRECTORY, expected, "download it again") as (archive, _):
            self.found.files.append(path)
            entries = sorted(_entries(archive), key=lambda entry: entry[0])
            for name, info in entries:
                if name.split("/")[-1] == METADATA and not _refusal(name, info, MOST_METADATA):
                    self.count(info.file_size, f"{path}/{name}")
                    content = _content(archive, info, printable(f"{path}/{name}"))
                    self.add_owners(content, prefix + name.removesuffix(METADATA))
            earlier = ""
            for name, info in entries:
                if _is_sheet(name) and not _is_hidden(name):
                    self.visit_entry(archive, info, path, name, prefix, name == earlier)
                    earlier = name
                elif _is_archive(name) and not _is_hidden(name):
                    short = _shortened(name)
                    where = printable(f"{path}/{short}")
                    why = "is an archive in an archive; unpack the outer one, and give its folder"
                    self.add(path, prefix + short, None, where, f"{where}: {why}")
                elif name.split("/")[-1] != METADATA:
                    self.pass_over(prefix + name)

    def visit_entry(
        self,
        archive: zipfile.ZipFile,
        info: zipfile.ZipInfo,
        path: Path,
        name: str,
        prefix: str,
        is_there_twice: bool,
    ) -> None:
        problem = _refusal(name, info, MAX_BYTES)
        name = _shortened(name)
        where = printable(f"{path}/{name}")
        if is_there_twice:
            problem = problem or "is in the archive twice; the first one counts"
        if not problem:
            self.count(info.file_size, where)
        try:
            if problem:
                raise SheetError(f"{where}: {problem}")
            text = text_of(_content(archive, info, where), where)
        except SheetError as error:
            self.add(path, printable(prefix + name), None, where, str(error))
        else:
            self.add(path.with_suffix("") / name, prefix + name, text, where)


def _entries(archive: zipfile.ZipFile) -> list[tuple[str, zipfile.ZipInfo]]:
    """Return the files of an archive with their names; some programs write them as Windows does."""
    files = [info for info in archive.infolist() if not info.is_dir()]
    return [(_name_of(info).replace("\\", "/"), info) for info in files]


def _name_of(info: zipfile.ZipInfo) -> str:
    """Return a name, in UTF-8 also where that is not said, as by macOS and by Canvas's rubyzip."""
    if not info.flag_bits & 0x800:
        with suppress(UnicodeError):  # then it is in the characters of DOS, as zipfile takes it
            return info.filename.encode("cp437").decode("utf-8")
    return info.filename


def _refusal(name: str, info: zipfile.ZipInfo, most_bytes: int) -> str:
    """Return why a file of an archive is not read; "" if it may be."""
    if _LEADS_OUT.match(name):
        return "its name leads out of the archive; ask for it again"
    if len(name) > LONGEST_NAME or any(len(part.encode()) > 255 for part in name.split("/")):
        return "its name is too long for a file; ask for it under a shorter one"
    if stat.S_ISLNK(info.external_attr >> 16):
        return "is a link; ask for the file itself"
    if info.flag_bits & 1:
        return "is locked with a password; ask for it without one"
    if info.compress_type not in METHODS:
        return f"is packed by method {info.compress_type}; pack it as zip programs do by themselves"
    if info.file_size > most_bytes:
        return f"is larger than {most_bytes:,} bytes; a sheet is a small text file"
    return ""


def _content(archive: zipfile.ZipFile, info: zipfile.ZipInfo, where: str) -> bytes:
    """Return what a file of an archive holds, never more than its entry claims."""
    try:
        with archive.open(info) as member:
            return member.read(info.file_size + 1)
    except ZIP_ERRORS as error:
        raise SheetError(
            f"{where}: is damaged in its archive ({reason_text(error)}); download it again"
        ) from None
