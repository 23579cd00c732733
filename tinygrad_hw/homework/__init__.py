"""The homework: its two worked examples, its networks and the report on all of them."""

from importlib.resources import files
from pathlib import Path

__all__ = ["SHEETS", "sheet_path"]

SHEETS = {"q1a": "sheets/q1a.toml", "q1b": "sheets/q1b.toml"}


def sheet_path(name: str) -> Path:
    """Return the path of a sheet that is shipped with the package: "q1a" or "q1b"."""
    return Path(str(files(__name__).joinpath(SHEETS[name])))
