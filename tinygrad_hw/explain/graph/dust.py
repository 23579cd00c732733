"""Sums of which nothing is left but the rounding of their terms: zeros, as by hand."""

from __future__ import annotations

import math
from collections.abc import Sequence

# Of a term: its own rounding, 2**-53, and that of what it was computed from. A sum that is smaller
# has no digit that can be trusted.
ROUNDING = 2.0**-46


def sum_without_dust(terms: Sequence[float]) -> float:
    """Add numbers; 0 where no more is left of the sum than the rounding of its terms."""
    total = sum(terms)
    size = sum(abs(term) for term in terms)
    return 0.0 if abs(total) <= len(terms) * ROUNDING * size < math.inf else total
