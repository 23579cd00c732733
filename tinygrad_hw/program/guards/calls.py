"""The functions that run while a function is recorded."""

from __future__ import annotations

import os
import sys
import sysconfig
from functools import lru_cache
from types import CodeType, FrameType
from typing import Any

import numpy as np

_PACKAGE = os.path.dirname(os.path.dirname(os.path.dirname(__file__))) + os.sep
_OWN = tuple(_PACKAGE + room + os.sep for room in ("engine", "program", "explain"))
_STANDARD = (sysconfig.get_path("stdlib") + os.sep, sysconfig.get_path("platstdlib") + os.sep)
_NUMPY = os.path.dirname(np.__file__) + os.sep
_SITES = (os.sep + "site-packages" + os.sep, os.sep + "dist-packages" + os.sep)


class CalledFunctions:
    """Context that notes the code of every function called in it, in this thread.

    The code of the engine, of NumPy and of Python's own library is left away.

    Attributes
    ----------
    codes
        The code objects; None if a profiler is at work, which is not disturbed: then every function
        counts as called.
    """

    def __init__(self) -> None:
        self.codes: set[CodeType] | None = None
        self._seen: set[CodeType] = set()

    def __enter__(self) -> CalledFunctions:
        if sys.getprofile() is None:
            self.codes = set()
            sys.setprofile(self._see)
        return self

    def __exit__(self, *error: Any) -> None:
        if self.codes is not None:
            sys.setprofile(None)

    def _see(self, frame: FrameType, event: str, _: Any) -> None:
        code = frame.f_code
        if event == "call" and code not in self._seen:
            self._seen.add(code)
            path = code.co_filename
            is_core = path.startswith(_OWN) if path.startswith(_PACKAGE) else is_library(path)
            if self.codes is not None and not is_core:
                self.codes.add(code)


@lru_cache(maxsize=4096)
def is_library(path: str) -> bool:
    """Return whether a file's functions are not the user's: what they are is not looked into."""
    if path.startswith("<"):
        return path.startswith(("<frozen ", "<rule of ", "<program of ", "<batch of "))
    if path.startswith((_PACKAGE, _NUMPY)):
        return True
    return path.startswith(_STANDARD) and not any(site in path for site in _SITES)
