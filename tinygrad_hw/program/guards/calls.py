"""The functions that run while a function is recorded."""

from __future__ import annotations

import atexit
import os
import sys
import sysconfig
from contextlib import suppress
from functools import lru_cache
from threading import get_ident
from types import CodeType, FrameType
from typing import Any

import numpy as np

_PACKAGE = os.path.dirname(os.path.dirname(os.path.dirname(__file__))) + os.sep
_OWN = tuple(_PACKAGE + room + os.sep for room in ("engine", "program", "explain"))
_STANDARD = (sysconfig.get_path("stdlib") + os.sep, sysconfig.get_path("platstdlib") + os.sep)
_NUMPY = os.path.dirname(np.__file__) + os.sep
_SITES = (os.sep + "site-packages" + os.sep, os.sep + "dist-packages" + os.sep)
_MONITORING: Any = getattr(sys, "monitoring", None)


class CalledFunctions:
    """Context that notes the code of every function called in it, in this thread.

    The code of the engine, of NumPy and of Python's own library is left away. Where Python can tell
    of the first call of a function alone (from 3.12), the others cost nothing.

    Attributes
    ----------
    codes
        The code objects; None if a profiler is at work, which is not disturbed: then every function
        counts as called.
    """

    def __init__(self) -> None:
        self.codes: set[CodeType] | None = None
        self._seen: set[CodeType] = set()
        self._thread = get_ident()
        self._tool: int | None = None

    def __enter__(self) -> CalledFunctions:
        if sys.getprofile() is None:
            self.codes = set()
            self._tool = _free_tool()
            if self._tool is None:
                sys.setprofile(self._profile)
            else:
                start = _MONITORING.events.PY_START
                _MONITORING.register_callback(self._tool, start, self._start)
                _MONITORING.set_events(self._tool, start)
        return self

    def __exit__(self, *error: Any) -> None:
        if self._tool is not None:
            _MONITORING.set_events(self._tool, 0)
            _MONITORING.free_tool_id(self._tool)
            _MONITORING.restart_events()  # the next recording is told of each function again
        elif self.codes is not None:
            sys.setprofile(None)

    def _profile(self, frame: FrameType, event: str, _: Any) -> None:
        if event == "call":
            self._see(frame.f_code)

    def _start(self, code: CodeType, _: int) -> Any:
        if get_ident() != self._thread:
            return None
        self._see(code)
        return _MONITORING.DISABLE

    def _see(self, code: CodeType) -> None:
        if code not in self._seen:
            self._seen.add(code)
            path = code.co_filename
            is_core = path.startswith(_OWN) if path.startswith(_PACKAGE) else is_library(path)
            if self.codes is not None and not is_core:
                self.codes.add(code)


def _free_tool() -> int | None:
    """Return an identifier by which Python tells of calls; None before 3.12, or if none is free."""
    if _MONITORING is None:
        return None
    for tool in (3, 4):  # those that no kind of tool has a claim to
        with suppress(ValueError):
            _MONITORING.use_tool_id(tool, "tinygrad_hw")
            return tool
    return None


def _stop() -> None:
    """Stop what an interrupt has left on, before the modules that it needs are gone."""
    for tool in (3, 4):
        if _MONITORING.get_tool(tool) == "tinygrad_hw":
            _MONITORING.set_events(tool, 0)


if _MONITORING is not None:
    atexit.register(_stop)


@lru_cache(maxsize=4096)
def is_library(path: str) -> bool:
    """Return whether a file's functions are not the user's: what they are is not looked into."""
    if path.startswith("<"):
        return path.startswith(("<frozen ", "<rule of ", "<program of ", "<batch of "))
    if path.startswith((_PACKAGE, _NUMPY)):
        return True
    return path.startswith(_STANDARD) and not any(site in path for site in _SITES)
