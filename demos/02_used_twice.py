# %% [markdown]
# # A node that is used twice
#
# In a · a the same node stands on both sides of the product. The node has two edges, one for each
# side, and each edge carries a contribution of its own. The gradient of the node is their sum.

# %%
from tinygrad_hw import Value, backward_steps
from tinygrad_hw.explain import explain

a = Value(3.0, label="a")
E = a * a
E.label = "E"
for step in backward_steps(E):
    side = ("left", "right")[step.position]
    print(
        f"{side:>5}: {step.upstream} × {step.local} = {step.contribution}, sum so far {step.total}"
    )
print(explain(E, a))
E

# %% [markdown]
# That is the product rule: keep one side fixed, move the other, and add. By hand, a² has the
# derivative 2a = 6.
#
# It is the same when the two ways are longer. Here x goes into u and into v, and both go into L. A
# chain has then one path for each way, and the paths are added.

# %%
x = Value(2.0, label="x")
u = x * x
u.label = "u"
v = 3 * x
v.label = "v"
L = u * v
L.label = "L"
print(explain(L, x))
assert explain(L, x).value == 9 * 2.0**2  # L is 3x³, and its derivative 9x²
L

# %% [markdown]
# ## Why the order matters
#
# A node may pass on what it has received only when all of it is there. So the backward pass goes
# through the nodes in reverse order of their computation: whoever uses a node comes before it.
#
# The gain is large. Double a number thirty times, each time as y + y. From the end to the beginning
# there are 2³⁰ paths, more than a thousand million, and the derivative is the sum over all of them.
# But there are only sixty edges, and each is walked once.

# %%
start = Value(1.0, label="start")
y = start
for _ in range(30):
    y = y + y
edges = len(list(backward_steps(y)))
y.backward()
print(f"{edges} edges, {2**30:,} paths, derivative {start.grad:,.0f}")
assert edges == 60
assert start.grad == 2**30

# %% [markdown]
# ## One weight, many examples
#
# A weight is used once for each example of a batch. This is a node used three times, and nothing
# new: every example contributes, and the gradient of the sum is the sum of the gradients. (The
# engine goes backwards, so it names the last example first.)

# %%
points = [(1.0, 2.0), (2.0, 3.0), (3.0, 7.0)]
w = Value(1.0, label="w")
loss = sum((w * x - y) ** 2 for x, y in points)
by_engine = [step.contribution for step in backward_steps(loss) if step.operand is w]
by_hand = [2 * (1.0 * x - y) * x for x, y in points]  # d(wx - y)²/dw = 2 (wx - y) x
print(f"the engine's contributions: {by_engine}")
print(f"by hand, example by example: {by_hand}, sum {sum(by_hand)}")
loss.backward()
assert sorted(by_engine) == sorted(by_hand)
assert w.grad == sum(by_hand)

# %% [markdown]
# ## The gradient stays, and is added to
#
# `backward()` adds to what a leaf has in `grad` already, as in PyTorch. So the examples may also
# come one by one, and the sum is the same. The other side of it: who forgets to clear `grad` before
# the next step computes with a sum of old and new gradients.

# %%
w.grad = None
for x, y in points:
    ((w * x - y) ** 2).backward()
    print(f"after the example ({x}, {y}): {w.grad}")
assert w.grad == sum(by_hand)

((w * 1.0 - 2.0) ** 2).backward()
print(f"not cleared: {w.grad}")
w.grad = None
((w * 1.0 - 2.0) ** 2).backward()
print(f"cleared: {w.grad}")
assert w.grad == by_hand[0]

# %% [markdown]
# ## Questions
#
# 1. b = a · a and L = a · b + a. For a = 2, what are b, L and dL/da? How many ways lead to a?
# 2. Double a number five times, as above thirty times. How many edges does the graph have, and how
#    many paths lead through it?
# 3. w = 1, and `grad` is cleared. Then the first and the second of the three points above come, one
#    by one. What is in `w.grad`?
#
# [Solutions](solutions/02_used_twice.md)

# %%
from course import check

check(
    {"b": "", "L": "", "dL/da": ""},
    """
    [parameters]
    a = 2
    [forward]
    b = "a*a"
    L = "a*b + a"
    [update]
    loss = "L"
    rate = 0.1
    """,
)

# %%
y = start = Value(1.0)
for _ in range(5):
    y = y + y
y.backward()
w.grad = None
for x, t in points[:2]:
    ((w * x - t) ** 2).backward()
check(
    {"edges": "", "paths": "", "in_grad": ""},
    {"edges": len(list(backward_steps(y))), "paths": start.grad, "in_grad": w.grad},
)
