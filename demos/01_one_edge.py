# %% [markdown]
# # The chain rule on one edge
#
# A `Value` is a number that remembers how it was computed. Here is the smallest computation that
# has a derivative worth asking for: one multiplication, and something done with its result.

# %%
from tinygrad_hw import Value, backward_steps

w = Value(0.5, label="w")
x = Value(3.0, label="x", constant=True)
z = w * x
z.label = "z"
E = (z - 1) ** 2
E.label = "E"
print(f"z = {z.data}, E = {E.data}")

# %% [markdown]
# Going backwards, each edge multiplies what comes from above (*upstream*) with its own derivative
# (*local*) and hands the product (*contribution*) to its operand.

# %%
for step in backward_steps(E):
    operand = step.operand.label or step.operand.operation.name
    print(f"{operand:>4} receives {step.upstream} × {step.local} = {step.contribution}")

# %% [markdown]
# By hand: dE/dz = 2 (z - 1) = 1 and dz/dw = x = 3, so dE/dw = 3. A small step of w agrees.

# %%
E.backward()
h = 1e-6
slope = (((0.5 + h) * 3 - 1) ** 2 - ((0.5 - h) * 3 - 1) ** 2) / (2 * h)
print(f"backward: {w.grad}, by trying: {slope:.6f}")
assert w.grad == 3.0
