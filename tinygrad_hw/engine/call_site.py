"""Where in the user's program the engine was called from."""

import linecache
import os
import sys
from functools import lru_cache
from types import CodeType

import numpy as np

_PACKAGE = (
    os.path.dirname(os.path.dirname(__file__)) + os.sep,
    os.path.dirname(np.__file__) + os.sep,  # its functions call ours, and are not the user's
    "<rule of ",
)


def package_depth() -> int:
    """Return how many frames of the stack, counted from the caller's, are this package's own."""
    depth, frame = 0, sys._getframe(1)
    while frame.f_back and _is_own(frame.f_code):
        depth, frame = depth + 1, frame.f_back
    return depth


def calling_line() -> str:
    """Return the innermost line outside this package as text: ``(loss.py:7: x / y)``."""
    path, number = user_site()
    source = linecache.getline(path, number).strip()
    return f"({os.path.basename(path)}:{number}{': ' if source else ''}{source})"


def user_site() -> tuple[str, int]:
    """Return the file and the number of the innermost line outside this package."""
    frame = sys._getframe(1)
    while frame.f_back and _is_own(frame.f_code):
        frame = frame.f_back
    return frame.f_code.co_filename, frame.f_lineno


@lru_cache(maxsize=4096)
def _is_own(code: CodeType) -> bool:
    return code.co_filename.startswith(_PACKAGE)
