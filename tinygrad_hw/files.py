"""Write files whole or not at all, and never over what somebody may still want."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tinygrad_hw.errors import InputError

# A file being written, and by whom; what it replaces, until all files of a set are in their places.
_PART = re.compile(r"\.(.+)\.(\d{1,9})\.(?:part|old)", re.DOTALL)
OPENING_BYTES = 10_000  # enough of an earlier output to recognize it by


class OutputError(InputError):
    """A place that cannot be written to, or holds something that would be lost."""


@dataclass(frozen=True, slots=True)
class Output:
    """A file that a command is to write.

    Attributes
    ----------
    path, content
        Where to write, and what.
    opening
        How every output of this kind begins. A file that begins so is taken for an earlier output
        of the same command and replaced without a question.
    """

    path: Path
    content: bytes
    opening: re.Pattern[bytes] | None = None


def write_outputs(
    outputs: Sequence[Output], *, reads: Iterable[Path] = (), force: bool = False
) -> None:
    """Write the outputs of a command; refuse to destroy anything by it.

    A file that is there already is replaced if it is an earlier output of the same command (see
    ``Output.opening``) or holds the very bytes that are to be written.

    Parameters
    ----------
    outputs
        The files to write: all of them, or none if one is refused.
    reads
        The files that the command reads: they are never written to, by whatever name or link.
    force
        True to replace any other file.

    Raises
    ------
    OutputError
        If a file would be lost, two outputs are the same file, or a place cannot be written to.
    """
    refuse_to_destroy(outputs, reads=reads, force=force)
    write_files({output.path: output.content for output in outputs})


def refuse_to_destroy(
    outputs: Sequence[Output], *, reads: Iterable[Path] = (), force: bool = False
) -> None:
    """Raise what ``write_outputs`` would raise for files that are there; write nothing."""
    read = {identity for path in reads if (identity := _identity(path))}
    places: dict[str | tuple[int, int], Path] = {}
    for output in outputs:
        path = output.path
        identity = _identity(path)
        other = places.setdefault(identity or os.path.realpath(path), path)
        if other is not path:
            raise OutputError(
                f"{other} and {path} are the same file; give another name for one of them"
            )
        if identity in read:
            raise OutputError(
                f"{path} is read by this command and would be written over; give another name"
            )
        if not force and os.path.isfile(path) and not _is_earlier_output(output):
            raise OutputError(
                f"{path} is there already; give another name, or --force to replace it"
            )


def _identity(path: Path) -> tuple[int, int] | None:
    """Return what is equal for two names of one file; None where there is no file."""
    try:
        status = path.stat()
    except OSError:  # no file, or no name for one: reading or writing will say so
        return None
    return status.st_dev, status.st_ino


def _is_earlier_output(output: Output) -> bool:
    try:
        with output.path.open("rb") as file:
            there = file.read(max(OPENING_BYTES, len(output.content) + 1))
    except OSError:
        return False
    begins_alike = output.opening is not None and output.opening.match(there[:OPENING_BYTES])
    return bool(begins_alike) or there == output.content


def write_files(contents: Mapping[Path, bytes], *, make_folders: bool = True) -> None:
    """Write files: all of them, or none.

    They appear, or are replaced, when all have been written beside their places. A process that is
    killed between two of these renames leaves some files new and some old, until the set is written
    again.

    Links stay links, and a file keeps its permissions. Folders are made where they are missing, and
    taken away again if nothing comes of it.

    Parameters
    ----------
    contents
        The bytes of each file.
    make_folders
        False to refuse a file whose folder is missing.

    Raises
    ------
    OutputError
        If a place is no file, or cannot be written to.
    """
    unfinished: dict[Path, tuple[Path, Path]] = {}  # what each part becomes, and its name
    new_folders: list[Path] = []
    replaced = _Replaced()
    path = Path()
    try:
        for path in contents:
            if _is_there(path) and not path.is_file():
                raise OutputError(f"{path} is not a file; give the name of a file")
        targets = {path: Path(os.path.realpath(path)) for path in contents}
        _remove_parts_of_killed_processes(targets.values())
        for path, content in contents.items():
            target = targets[path]
            for folder in reversed(target.parents) if make_folders else ():
                if not folder.exists():
                    new_folders.append(folder)
                    folder.mkdir()
            part = target.with_name(f".{target.name}.{os.getpid()}.part")
            unfinished[part] = target, path
            part.write_bytes(content)
            if target.exists():
                shutil.copymode(target, part)
        for part, (target, named) in unfinished.items():
            path = named
            if len(contents) > 1:
                replaced.keep(target)
            part.replace(target)
    except BaseException as error:
        replaced.put_back()
        if not isinstance(error, OSError):
            raise
        reason = (error.strerror or str(error)).lower()
        raise OutputError(
            f"cannot write {path}: {reason}; give a place that can be written"
        ) from None
    finally:
        replaced.forget()
        for part in unfinished:
            with suppress(OSError):  # most often it has become the file
                part.unlink()
        for folder in reversed(new_folders):
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()


class _Replaced:
    """The files that have been replaced, as they were: a set of files is whole, or as before."""

    def __init__(self) -> None:
        self.kept: dict[Path, Path | None] = {}  # of each file what it was, None where it is new

    def keep(self, target: Path) -> None:
        """Keep a file as it is, by a second name for it where the file system has such."""
        if not target.exists():
            self.kept[target] = None
            return
        old = target.with_name(f".{target.name}.{os.getpid()}.old")
        old.unlink(missing_ok=True)
        self.kept[target] = old  # known before it is there, so that it is always removed
        try:
            os.link(target, old)
        except OSError:
            shutil.copy2(target, old)

    def put_back(self) -> None:
        """Put all files back."""
        for target, old in self.kept.items():
            with suppress(OSError):  # of one that is still in its place, too
                if old is None:
                    target.unlink(missing_ok=True)
                elif old.exists():
                    old.replace(target)

    def forget(self) -> None:
        """Remove the second names."""
        for old in self.kept.values():
            if old is not None:
                with suppress(OSError):
                    old.unlink()


def _remove_parts_of_killed_processes(targets: Iterable[Path]) -> None:
    """Remove the unfinished parts of files that a process had begun which is no more."""
    names: dict[Path, set[str]] = {}
    for target in targets:
        names.setdefault(target.parent, set()).add(target.name)
    for folder, wanted in names.items():
        with suppress(OSError):  # there is no such folder yet
            for entry in os.listdir(folder):
                part = _PART.fullmatch(entry)
                if part and part[1] in wanted and not is_running(int(part[2])):
                    (folder / entry).unlink()


def is_running(process: int) -> bool:
    """Return whether there is a process of a number; True where that cannot be asked."""
    if os.name != "posix":
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):  # somebody else's, or no number of a process
        return True
    return True


def _is_there(path: Path) -> bool:
    """Return whether there is something of this name; a loop of links is an OSError."""
    try:
        path.stat()
    except FileNotFoundError:
        return False
    return True
