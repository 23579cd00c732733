"""Put one slip into honest work, where it can be seen."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from decimal import localcontext
from typing import Any, NamedTuple

from .networks import Item, any_network
from .slips import DIGIT_SLIPS, KINDS, Kind, role_of
from .visible import bounds, exact_values, is_visible
from .work import Slip, Work, any_student, sheet_text, work_out
from .writing import FULL, Habit, Style, last_unit, read

BEYOND = 20  # no pre-activation is larger, after a slip


@dataclass(frozen=True)
class Plant:
    """The slip of a sheet.

    Attributes
    ----------
    part, name, of
        The item, as the marks name it; ``of`` is the first chain that shows a carried factor.
    kind
        The slip, one of ``KINDS``.
    visible
        "how" (which variant: the factor dropped, the input taken, the digits' own slip in a
        copy, ...), "written", "honest" (what would have been written), "exact", "own" (what the
        formula gives from the student's own numbers), "bound" (e(q)), "path" (of a factor).
    carried
        Whether the student went on with the faulty number.
    copies
        The other items that show the same faulty number as a copy: the factor in later paths and
        chains, or the entry of the table after a faulty update.
    work, slip
        The honest work of the same student, and the slip put into it.
    """

    part: str
    name: str
    of: str | None
    kind: str
    visible: dict[str, Any]
    carried: bool
    copies: tuple[Item, ...]
    work: Work = field(repr=False)
    slip: Slip = field(repr=False)

    @property
    def item(self) -> Item:
        """The faulty item."""
        return self.slip.item


def planted(
    rng: random.Random,
    *,
    kind: str | None = None,
    sizes: str | None = None,
    nature: str | None = None,
    figures: int | None = None,
    habit: Habit | None = None,
    style: Style | None = None,
    leave_out: float = 0.0,
) -> tuple[str, Plant]:
    """Give the sheet of a student of 3 to 5 figures who slips once, visibly, and the slip.

    The kind is drawn first, by the weights in ``KINDS``; then networks, students, places and
    variants of it until one can be seen. Where a kind can happen in several parts of a sheet, the
    part is drawn before the item.

    Raises
    ------
    ValueError
        If nothing visible was found in 1000 draws, as for a missing path in a 2-3-1 network.
    """
    if kind is None:
        (kind,) = rng.choices(list(KINDS), [each.weight for each in KINDS.values()])
    if kind == "path_missing":
        sizes = sizes or "2-2-2"
    for _ in range(1000):
        network = any_network(rng, sizes, nature)
        student = any_student(
            rng,
            network,
            figures=figures or rng.randint(3, 5),
            habit=habit,
            style=style,
            leave_out=leave_out,
        )
        with localcontext(FULL):
            if found := _plant(rng, work_out(network, student), KINDS[kind]):
                return found
    raise ValueError(f"no visible {kind} in a network {sizes or 'of any size'}")


def _plant(rng: random.Random, work: Work, kind: Kind) -> tuple[str, Plant] | None:
    """Try to make a slip somewhere in honest work."""
    places: dict[str, list[Item]] = {}
    seen: set[str] = set()
    for item, text in work.items():
        if kind.name != "miscopied_factor" and item.part == "factor":
            if item.name in seen:
                continue  # a carried slip is made where the factor is written first
            if text:
                seen.add(item.name)
        if text and role_of(work, item) in kind.roles:
            places.setdefault(item.part, []).append(item)
    exact = off = None
    for _ in range(6):
        if not places:
            return None
        item = rng.choice(places[rng.choice(list(places))])
        if not (slips := list(kind.slips(work, item))):
            continue
        if "miscopied" in kind.name:  # each sort of miscopying alike, whatever its variants
            how = rng.choice(list(dict.fromkeys(slip.how for slip in slips)))
            slips = [slip for slip in slips if slip.how == how]
        slip = rng.choice(slips)
        if exact is None or off is None:
            exact = exact_values(work.network)
            off = bounds(work, exact)
        if not is_visible(work, slip, exact, off):
            continue
        faulty = work_out(work.network, work.student, slip)
        if any(abs(z) > BEYOND for key, z in faulty.held.items() if key[0] == "z"):
            continue
        carried = slip.held is not None
        copies = tuple(
            other
            for other, text in faulty.items()
            if carried and other != item and other.name == item.name and text
        )
        visible = {
            "how": slip.how,
            "written": slip.text,
            "honest": work.text[item.name],
            "exact": exact[item.name],
            "own": work.raw[item.name],
            "bound": off[item.name],
            "path": item.path,
        }
        plant = Plant(
            item.part, item.name, item.of, kind.name, visible, carried, copies, work, slip
        )
        return sheet_text(faulty), plant
    return None


class Rival(NamedTuple):
    """Another slip that explains a number; for copies, ``how`` is the sort of miscopying."""

    kind: str
    how: str


def rivals(plant: Plant, near: bool = False) -> tuple[Rival, ...]:
    """Give the other kinds of slip by which the same student would have written the same number.

    Where there are any, the numbers cannot tell which it was. Only slips that are carried like the
    planted one count, since the products tell the others apart; of the plant's own kind, only
    another sort of miscopying. With ``near``, those are given too that no marker can exclude who
    does not know the student's habit: numbers that differ by no more than a unit of the last
    written digit, and for slips of computing also e(q), scaled to the rival's size.
    """
    work, slip = plant.work, plant.slip
    written = read(slip.text)
    unit = float(last_unit(slip.text))
    off = bounds(work, exact_values(work.network))[plant.name] if near else 0.0
    own = abs(float(work.raw[plant.name]))
    found: dict[Rival, None] = {}
    with localcontext(FULL):
        for kind in KINDS.values():
            if role_of(work, plant.item) not in kind.roles:
                continue
            for other in kind.slips(work, plant.item):
                copying = other.held is None
                if copying != (slip.held is None):
                    continue
                if other.kind == slip.kind and not (copying and other.how != slip.how):
                    continue
                number = read(other.text)
                apart = abs(float(number - written))
                allowed = 0.0
                if near:
                    of_digits = copying or kind.name in DIGIT_SLIPS
                    scale = 0.0 if of_digits else max(1.0, abs(float(number)) / (own or 1.0))
                    allowed = unit + off * scale
                if apart <= allowed:
                    how = other.how if "miscopied" in other.kind else ""
                    found[Rival(other.kind, how)] = None
    found.pop(Rival(slip.kind, slip.how if "miscopied" in slip.kind else ""), None)
    return tuple(found)
