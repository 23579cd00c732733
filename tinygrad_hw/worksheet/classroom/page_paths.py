"""Where the pages to hand back go, whatever students have called their sheets."""

from __future__ import annotations

import itertools
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from tinygrad_hw.worksheet.classroom.submission import Submission

MARKED = "-marked.html"  # what the page of a sheet is called, after the sheet's name
LONGEST = 230  # bytes in a name: most file systems end at 255, and a file being written has more


def page_paths(submissions: Sequence[Submission], folder: Path | None = None) -> list[Path]:
    """Return where to write the page of each submission.

    Every sheet has a page of its own. One whose name differs from another's only by capitals, which
    some file systems do not tell apart, is numbered, and so is one that has the name of a folder.

    Parameters
    ----------
    submissions
        The sheets that have pages.
    folder
        Where to write them, in sub-folders as those of the sheets; beside the sheets, if None.
    """
    places = [
        Path(folder, submission.name) if folder else submission.place for submission in submissions
    ]
    taken = {_folded(parent) for place in places for parent in place.parents}
    paths = []
    for place, submission in zip(places, submissions, strict=True):
        for number in itertools.count(1):
            ending = MARKED if number == 1 else f"-{number}{MARKED}"
            stem = submission.stem.encode(errors="surrogateescape")[: LONGEST - len(ending)]
            path = place.with_name(stem.decode(errors="ignore") + ending)
            if _folded(path) not in taken:
                break
        taken.add(_folded(path))
        paths.append(path)
    return paths


def _folded(path: Path) -> str:
    """Return what two names have in common that are one to a file system without capitals."""
    return unicodedata.normalize("NFC", str(path)).casefold()
