"""Whose a file is, by the names in what Canvas, Moodle and Gradescope let a teacher download.

- Canvas: ``lastfirst_LATE_user_file_name``, all in one folder (its ``content_zipper.rb``).
- Moodle: ``First Last_participant_assignsubmission_file/name``, or with ``_`` for ``/`` (its
  ``mod/assign/classes/downloader.php``); the name of a student has no ``_`` there.
- Gradescope: ``submission_number/name``, and names in ``submission_metadata.yml`` beside them.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tinygrad_hw.formatting import printable

METADATA = "submission_metadata.yml"
CANVAS, MOODLE, GRADESCOPE = "Canvas", "Moodle", "Gradescope"

_CANVAS = re.compile(  # a name may have any character beyond ASCII: \w lacks the marks of scripts
    r"(?:(?!anon_)(?P<name>[\w\u0080-\U0010ffff]+?)_)?(?i:LATE_)?"
    r"(?:anon_(?P<code>\w+?)|(?P<id>\d+))_\d+_.+",
    re.DOTALL,
)
_CANVAS_ARCHIVE = re.compile(  # and not the teacher's own hw_2026_11_30.zip
    r".+_\d+_(?!(?:19|20)\d\d_)\d{4,}_.+\.zip", re.IGNORECASE | re.DOTALL
)
_MOODLE = re.compile(r"(?P<name>[^_]+)(?:_(?P<id>\d+))?_assignsubmission_[a-z]+(?:_.*)?", re.DOTALL)

_SUBMISSION = re.compile(r"(submission_\w+):\s*")
_SECTION = re.compile(r"  :(\w+):")
_ENTRY = re.compile(r"  (?:-|  )\s*:(name|sid|email):(.*)")
_ESCAPE = re.compile(r"\\(?:x(?P<x>[\da-fA-F]{2})|u(?P<u>[\da-fA-F]{4})|U(?P<U>[\da-fA-F]{8})|(.))")


@dataclass(frozen=True, slots=True)
class Owner:
    """Who handed something in, as the course system says.

    Attributes
    ----------
    name
        The name of the student or the group, "" where it is not said.
    identifier
        Canvas's user, Moodle's participant or group, or the student's number with Gradescope.
    system
        Which of the three it is.
    """

    name: str = ""
    identifier: str = ""
    system: str = ""


def owner_of(parts: Sequence[str], owners: Mapping[str, Owner]) -> Owner:
    """Return who handed in a file, by the outermost name that says so.

    The names inside what a student handed in are the student's own, and may be another's.

    Parameters
    ----------
    parts
        The names of its folders, of the archive that it is in, and its own.
    owners
        Who handed in which folder, by its path, as files of metadata say.
    """
    for i, part in enumerate(parts):
        folder = "/".join(parts[: i + 1])
        if folder in owners:
            return owners[folder]
        if found := _MOODLE.fullmatch(part):
            return Owner(printable(found["name"]), found["id"] or "", MOODLE)
        is_file = i == len(parts) - 1 or _CANVAS_ARCHIVE.fullmatch(part)
        if is_file and (found := _CANVAS.fullmatch(part)):
            return Owner(printable(found["name"] or ""), found["id"] or found["code"], CANVAS)
    return Owner()


def read_metadata(text: str) -> dict[str, Owner]:
    """Return who handed in each folder of a download of Gradescope's, by its metadata.

    Of the YAML that a program of theirs writes, only the lines on the submitters are read::

        submission_7:
          :submitters:
          - :name: Ada L.
            :sid: '12'
    """
    submitters: dict[str, dict[str, list[str]]] = {}
    here: dict[str, list[str]] = {}
    section = ""
    for line in text.splitlines():
        if found := _SUBMISSION.fullmatch(line):
            here = submitters.setdefault(found[1], {})
            section = ""
        elif found := _SECTION.match(line):
            section = found[1]
        elif section == "submitters" and (found := _ENTRY.fullmatch(line)):
            here.setdefault(found[1], []).append(_unquoted(found[2].strip()))
    return {
        folder: Owner(", ".join(who.get("name", ())), ", ".join(who.get("sid", ())), GRADESCOPE)
        for folder, who in submitters.items()
    }


def _unquoted(text: str) -> str:
    if len(text) > 1 and text[0] == text[-1] == "'":
        text = text[1:-1].replace("''", "'")
    elif len(text) > 1 and text[0] == text[-1] == '"':
        text = _ESCAPE.sub(_unescaped, text[1:-1])
    return printable(text)


def _unescaped(escape: re.Match[str]) -> str:
    code = escape["x"] or escape["u"] or escape["U"]
    if code is None:
        return {"n": "\n", "t": "\t"}.get(escape[4], escape[4])
    return chr(int(code, 16)) if int(code, 16) <= sys.maxunicode else escape[0]
