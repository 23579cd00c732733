"""Parts: how a program in JavaScript sees the Values that the recorded function has used.

The data of some Values are parts of one array, as the parameters of a model are. A caller gives and
gets the data of each Value; the array is put together from them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tinygrad_hw.engine.core.node import raw
from tinygrad_hw.program.instructions import base_of
from tinygrad_hw.program.recording import Recording, Result
from tinygrad_hw.program.variable import Variable


def way_up(piece: Variable) -> list[Variable]:
    """Return a part of a larger array, and what is between them."""
    found = []
    while piece.view_of is not None:
        found.append(piece)
        piece = piece.view_of
    return found


def whole_arrays(parts: Sequence[Variable]) -> dict[Variable, list[Variable]]:
    """Return the arrays that parts make up without a gap, each with its parts in order."""
    by_base: dict[Variable, list[Variable]] = {}
    for part in parts:
        by_base.setdefault(base_of(part), []).append(part)
    wholes = {}
    for base, pieces in by_base.items():
        starts = {piece: _start_of(piece) for piece in pieces}
        in_order = sorted(starts, key=lambda piece: starts[piece])
        ends = [starts[piece] + piece.size for piece in in_order]
        if [starts[piece] for piece in in_order] == [0, *ends[:-1]] and ends[-1] == base.size:
            wholes[base] = in_order
    return wholes


def _start_of(piece: Variable) -> int:
    """Return where a part begins: reshaped from a slice of a flat array."""
    [index] = [x.operands[1] for x in way_up(piece) if isinstance(x.operands[1], slice)]
    return int(index.start or 0)


def result_variable(result: Result, recording: Recording) -> Any:
    """Return a result's Variable; for a Value that is returned as it came, its data."""
    if result.variable is not None:
        return result.variable
    known = [value.data for value in recording.values if value.node is result.returned]
    return known[0] if known else raw(result.returned)
