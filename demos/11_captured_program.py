# %% [markdown]
# # The captured program, read line by line
#
# A graph is a record of what was computed. Read from the first node to the last and back again, it
# is a program without loops or branches, and each of its lines is one step of the chain rule. Here
# is that program for the homework's network (a).

# %%
from tinygrad_hw.homework import sheet_path
from tinygrad_hw.worksheet.program import sheet_program
from tinygrad_hw.worksheet.sheet import read_sheet

sheet = read_sheet(sheet_path("q1a"))
program = sheet_program(sheet)
forward, rest = program.source.split("\n    # backward\n")
backward, update = rest.split("\n    # update\n")
print("\n".join(line.strip() for line in backward.splitlines()[:12]))

# %% [markdown]
# `dE_dz4 = dE_da4 * da4_dz4` is the chain rule on one edge: upstream times local. The next line
# says that the bias b4 receives the same, since dz4/db4 is 1. Then w9 hands dE/dz4 on to the neuron
# before it, and a3 is what dE/dw9 is multiplied with. Nothing is computed twice: `a4`, from the
# forward pass, stands again in its own derivative.

# %%
lines = [line.strip() for line in backward.splitlines()]
assert "dE_dz4 = dE_da4 * da4_dz4" in lines
assert "dE_dw9 = dE_dz4 * a3" in lines
print(f"{len(forward.splitlines()) - 2} lines forward, {len(lines)} backward")

# %% [markdown]
# Any function can be captured. What it computes from its arguments, and from the Values that it
# finds, is computed anew in every call; a branch that it takes is checked, and where another one is
# taken it is captured again.

# %%
import numpy as np

from tinygrad_hw import Value, capture

w = Value(0.5, label="w")


@capture
def descend(x: float, y: float) -> Value:
    w.grad = None
    a = (w * x).sigmoid()
    a.label = "a"
    loss = (y - a) ** 2
    loss.label = "loss"
    loss.backward()
    return loss


losses = [descend(x, 1.0).data for x in (0.5, 1.0, 2.0)]
print(descend.source)
print(losses)

# %% [markdown]
# All points in one call: the losses of each, and in `w.grad` the sum of their gradients.

# %%
x = np.linspace(-2, 2, 5)
together = descend.batch(x, np.ones(5))
print(together, w.grad)
one_by_one = [descend(point, 1.0).data for point in x.tolist()]
assert np.allclose(together, one_by_one, rtol=1e-14)
