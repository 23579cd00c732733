"""A file that was handed in as a sheet."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from tinygrad_hw.worksheet.classroom.downloads import Owner

# How a sheet's name ends; Windows does not show the .txt that its editor appends.
ENDING = re.compile(r"\.toml(\.txt)?$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Submission:
    """A file that was handed in as a sheet.

    Attributes
    ----------
    name
        Its path inside the folder or archive that it was found in.
    where
        The same with that folder or archive, for messages.
    place
        Where it is; in an archive, where it would be if that were unpacked beside itself.
    owner
        Who handed it in, as far as its name says that.
    text, error
        Its text, or None and why it has none.
    """

    name: str
    where: str
    place: Path
    owner: Owner
    text: str | None
    error: str = ""

    @property
    def stem(self) -> str:
        """The name of the file, without what says that it is a sheet."""
        return ENDING.sub("", self.place.name)
