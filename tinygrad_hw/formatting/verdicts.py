"""The verdicts on a student's number: their signs, and what they mean in words."""

from __future__ import annotations

VERDICTS = ("exact", "rounded", "follows", "wrong", "missing")
SIGNS = {"exact": "✓", "rounded": "✓", "follows": "↳", "wrong": "✗", "missing": "–"}
MEANINGS = {
    "exact": "right",
    "rounded": "right, as far as the rounding before it goes",
    "follows": "right but for a slip before it",
    "wrong": "wrong",
    "missing": "missing",
}


def with_sign(verdict: str) -> str:
    """Return a verdict with its sign before it, such as "✗ wrong"."""
    return f"{SIGNS[verdict]} {verdict}"
