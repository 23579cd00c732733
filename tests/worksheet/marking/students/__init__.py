"""Simulated students who work sheets of sigmoid networks by hand: honest ones, and some who slip.

Everything is computed here, with ``decimal`` and by formulas written out for a network of one
hidden layer; nothing of ``tinygrad_hw`` is used, so that this is an oracle of its own. In the tests
it comes as the fixture ``students``; in a script, put the folder above on the path and ``import
students``. All is deterministic by the ``random.Random`` that is handed in, and can be pickled.

    text, work = students.honest(random.Random(7))
    text, plant = students.planted(random.Random(7))
    students.rivals(plant)        # what else would have given the same number

How a student works: the forward numbers in order; then each distinct factor once, from the numbers
as they are held; then the partials, as products of the held factors, summed over the paths; then
the updates; and at last the closing table, which is a copy of the updates. A factor that stands in
several chains is copied from the first of them.

What a slip does to the rest
----------------------------
A slip of computing or reading (``Plant.carried``) is carried on: everything that uses the number is
worked out from the faulty one, and every chain in which the same factor stands gets a copy of it
(``Plant.copies``). A slip of copying is not: the closing table, and a factor miscopied in one chain
beside a product made with the right one.

What is visible
---------------
A slip is planted only where it can be seen. For the item q, let v be its exact value, r what its
formula gives from the numbers that this student held (for the table: the update as written), and
e(q) the most by which an honest number for q can differ from v:

    u(q)      the largest of: a unit of the n-th figure of v; the same of the number that this
              student would honestly have written; a unit of the last digit of that string (more,
              where trailing zeros were dropped). Nothing where the inputs are exact and v is what
              was written
    z         e = sum of |w| e(input) + u
    a         e = the larger of |sigmoid(z ± e(z)) - sigmoid(z)|, + u
    E         e = sum of |y - a| e(a) + e(a)^2 / 2, + u
    dE/da     e = e(a) + u
    da/dz     e = e(a) (|1 - 2a| + e(a)) + u
    dz/dw     e = e(input);   dz/da and dz/db: 0
    partial   e = sum over the paths of [product of (|f| + e(f)) - product of |f|] + u
    update    e = rate · e(partial) + u;   its copy in the table: the same

So each held number is off by up to one unit of its last figure, and that is propagated without
leaving out what is not of first order. The planted number W, whose last written digit has the unit
u(W), is visible when |W - v| and |W - r| are both at least 1.5 e(q) + u(W). Other draws are
discarded, and so is what leads to a pre-activation beyond ±20, with which nobody would go on.
"""

from .networks import NATURES, SIZES, Item, Network, any_network
from .planting import Plant, Rival, planted, rivals
from .slips import KINDS
from .visible import bounds, exact_values
from .work import Slip, Student, Work, cut_down, honest, sheet_text, work_out
from .writing import HABITS, SCRATCH_HABITS, Habit, Style, read

__all__ = [
    "HABITS",
    "KINDS",
    "NATURES",
    "SCRATCH_HABITS",
    "SIZES",
    "Habit",
    "Item",
    "Network",
    "Plant",
    "Rival",
    "Slip",
    "Student",
    "Style",
    "Work",
    "any_network",
    "bounds",
    "cut_down",
    "exact_values",
    "honest",
    "planted",
    "read",
    "rivals",
    "sheet_text",
    "work_out",
]
