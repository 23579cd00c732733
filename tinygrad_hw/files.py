"""Write files whole or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from tinygrad_hw.errors import InputError


class OutputError(InputError):
    """A place that cannot be written to."""


def save(contents: Mapping[Path, bytes], *, force: bool = False) -> None:
    """Write files; each appears, or is replaced, when all have been written beside their places.

    Folders are made where they are missing, and taken away again if nothing comes of it.

    Raises
    ------
    OutputError
        If a file is there already and not to be replaced, or a place cannot be written to.
    """
    unfinished: dict[Path, Path] = {}
    made: list[Path] = []
    path = Path()
    try:
        for path in contents:
            _check(path, force)
        for path, content in contents.items():
            target = path.resolve()
            for folder in reversed(target.parents):
                if not folder.exists():
                    made.append(folder)
                    folder.mkdir()
            part = target.with_name(f".{target.name}.{os.getpid()}.part")
            unfinished[part] = target
            part.write_bytes(content)
            if target.exists():
                shutil.copymode(target, part)
        for part, target in unfinished.items():
            path = target
            part.replace(target)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise OutputError(
            f"cannot write {path}: {reason}; give a place that can be written"
        ) from None
    finally:
        for part in unfinished:
            with suppress(OSError):  # most often it has become the file
                part.unlink()
        for folder in reversed(made):
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()


def _check(path: Path, force: bool) -> None:
    if path.exists() and not path.is_file():
        raise OutputError(f"{path} is not a file; give the name of a file")
    if path.exists() and not force:
        raise OutputError(f"{path} is there already; give another name, or --force to replace it")
