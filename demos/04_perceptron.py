# %% [markdown]
# # A perceptron, and what it cannot learn
#
# A *perceptron* is one neuron that says yes or no. It weighs its inputs, z = w1 x1 + w2 x2 + b, and
# answers 1 where z > 0, else 0. It is older than backpropagation, and has a rule of its own to
# learn by. Here it learns `and` and `or`, and fails at `xor`; a second layer, and the chain rule,
# do what it cannot.

# %%
import math
import random
from itertools import product

from tinygrad_hw import Value
from tinygrad_hw.explain import explain

INPUTS = list(product((0, 1), repeat=2))  # (0, 0), (0, 1), (1, 0), (1, 1)
TASKS = {"and": (0, 0, 0, 1), "or": (0, 1, 1, 1), "xor": (0, 1, 1, 0)}


def answer(w1, w2, b, x1, x2):
    """Give the answer of a perceptron."""
    return int(w1 * x1 + w2 * x2 + b > 0)


# %% [markdown]
# ## Its rule
#
# Show it the four examples, one after the other. Where the answer is right, do nothing. Where it is
# 0 and should be 1, add the inputs to the weights, and 1 to b; where it is 1 and should be 0,
# subtract them. Begin anew until all four are right.
#
# The rule needs no other memory than the three numbers. So if they are, at the end of a round, what
# they were at the end of an earlier one, then everything repeats, for ever.


# %%
def learned(targets):
    """Give the weights after each round, until all is right or a round repeats."""
    w1 = w2 = b = 0
    rounds = [(w1, w2, b)]
    while True:
        for (x1, x2), target in zip(INPUTS, targets, strict=True):
            miss = target - answer(w1, w2, b, x1, x2)
            w1, w2, b = w1 + miss * x1, w2 + miss * x2, b + miss
        repeats = (w1, w2, b) in rounds
        rounds.append((w1, w2, b))
        if repeats:
            return rounds


def is_right(weights, targets):
    """Tell whether a perceptron answers all four examples as it should."""
    return tuple(answer(*weights, *x) for x in INPUTS) == targets


for name, targets in TASKS.items():
    rounds = learned(targets)
    print(f"{name}: {'right' if is_right(rounds[-1], targets) else 'wrong, for ever'}")
    print(f"  {' '.join(map(str, rounds))}")
assert is_right(learned(TASKS["and"])[-1], TASKS["and"])
assert is_right(learned(TASKS["or"])[-1], TASKS["or"])
assert not any(is_right(weights, TASKS["xor"]) for weights in learned(TASKS["xor"]))

# %% [markdown]
# ## No weights will do
#
# Is it the rule? No. Write down what xor asks for, example by example:
#
#     (0, 0) → 0:            b ≤ 0
#     (0, 1) → 1:       w2 + b > 0
#     (1, 0) → 1:  w1      + b > 0
#     (1, 1) → 0:  w1 + w2 + b ≤ 0
#
# The sum of the second and the third says w1 + w2 + 2b > 0, and that of the first and the last
# w1 + w2 + 2b ≤ 0. Both cannot be. Seen from above: where z > 0 is one side of a straight line, and
# no straight line has (0, 1) and (1, 0) on one side, (0, 0) and (1, 1) on the other.


# %%
def show(says_one):
    """Draw where a function says 1; x1 goes right, x2 up, squares are the examples."""
    for row in range(8, -1, -1):
        x2 = (row - 2) / 4
        cells = []
        for column in range(17):
            x1 = (column - 4) / 8
            signs = "□■" if (x1, x2) in INPUTS else " ▒"
            cells.append(signs[says_one(x1, x2)])
        print("  |" + "".join(cells) + "|")


print("and, by a perceptron:")
show(lambda x1, x2: answer(*learned(TASKS["and"])[-1], x1, x2))

# %% [markdown]
# ## A sigmoid does not help
#
# The step from no to yes has the slope 0 wherever it has one, so the chain rule has nothing to say
# about it. With a sigmoid in its place, a = σ(z) is the probability of a 1, and there is a slope to
# go down: of E, the mean of -log(probability of the right answer).
#
# At w1 = w2 = b = 0 the neuron says ½ to everything. On each weight, one example pulls up and one
# down, equally hard.


# %%
def loss_of(network, targets):
    """Give the mean of -log(probability of the right answer)."""
    losses = []
    for (x1, x2), target in zip(INPUTS, targets, strict=True):
        a = network(x1, x2)
        a.label = f"a{x1}{x2}"
        losses.append(-(a if target else 1 - a).log())
    return sum(losses) / 4


w1, w2, b = neuron = [Value(0.0, label=name) for name in ("w1", "w2", "b")]
E = loss_of(lambda x1, x2: (w1 * x1 + w2 * x2 + b).sigmoid(), TASKS["xor"])
E.label = "E"
print(f"E = {E.data:.4f}, and log 2 = {math.log(2):.4f}")
print(explain(E, w1))
assert [explain(E, parameter).value for parameter in neuron] == [0, 0, 0]

# %% [markdown]
# And there is nothing better: this E is *convex* in the weights of one neuron, a bowl, and where a
# bowl is level is its bottom. From anywhere, gradient descent comes back to ½.


# %%
def descend(parameters, network, targets, steps, rate):
    """Go down the slope of the loss; print it now and then."""
    for step in range(steps + 1):
        E = loss_of(network, targets)
        if step in (0, 10, 100, steps):
            print(f"  after {step:4} steps: E = {E.data:.4f}")
        for parameter in parameters:
            parameter.grad = None
        E.backward()
        for parameter in parameters:
            parameter.data -= rate * parameter.grad


def one_neuron(x1, x2):
    return (w1 * x1 + w2 * x2 + b).sigmoid()


w1.data, w2.data, b.data = 2.0, -1.0, 0.5
print("one sigmoid:")
descend(neuron, one_neuron, TASKS["xor"], steps=300, rate=2.0)
print("  it says " + ", ".join(f"{one_neuron(*x).data:.3f}" for x in INPUTS))
assert all(abs(one_neuron(*x).data - 0.5) < 1e-3 for x in INPUTS)

# %% [markdown]
# ## Two layers
#
# xor is `or` without `and`. That is three perceptrons, two of which read the inputs, and one reads
# the two. The numbers are easily found by hand.


# %%
def by_hand(x1, x2):
    either = answer(1, 1, -0.5, x1, x2)
    both = answer(1, 1, -1.5, x1, x2)
    return answer(1, -1, -0.5, either, both)


print(f"by hand: {[by_hand(*x) for x in INPUTS]}")
show(by_hand)
assert tuple(by_hand(*x) for x in INPUTS) == TASKS["xor"]

# %% [markdown]
# How would they be learned? The perceptron's rule compares an answer with what it should be. What
# should the answer of a *hidden* neuron be? Nobody says. That is the question which backpropagation
# answers: with sigmoids, the chain rule leads from E through the last neuron to the weights of the
# first ones, and each gets a slope of its own.

# %%
draw = random.Random(1)
names = ("w1", "w2", "b1", "w3", "w4", "b2", "w5", "w6", "b3")
p = {name: Value(draw.uniform(-1, 1), label=name) for name in names}


def two_layers(x1, x2):
    h1 = (p["w1"] * x1 + p["w2"] * x2 + p["b1"]).sigmoid()
    h2 = (p["w3"] * x1 + p["w4"] * x2 + p["b2"]).sigmoid()
    return (p["w5"] * h1 + p["w6"] * h2 + p["b3"]).sigmoid()


print("two hidden sigmoids:")
descend(p.values(), two_layers, TASKS["xor"], steps=600, rate=2.0)
print("  it says " + ", ".join(f"{two_layers(*x).data:.3f}" for x in INPUTS))
show(lambda x1, x2: two_layers(x1, x2).data > 0.5)
assert all(
    abs(two_layers(*x).data - target) < 0.1 for x, target in zip(INPUTS, TASKS["xor"], strict=True)
)

# %% [markdown]
# ## Questions
#
# 1. Let a perceptron learn "x1, and not x2" by its rule, with a pencil: the targets are 0, 0, 1, 0.
#    With which w1, w2 and b does it end?
# 2. There are sixteen functions of two bits. How many of them can a perceptron learn?
# 3. A sigmoid neuron with w1 = w2 = 1 and b = -0.5 is shown (1, 1), for which 0 is right. What are
#    z, a and E = -log(1 - a)? What is dE/dw1? What is w1 after a step with the rate 1?
#
# [Solutions](solutions/04_perceptron.md)

# %%
from course import check

w1_end, w2_end, b_end = learned((0, 0, 1, 0))[-1]
check(
    {"w1": "", "w2": "", "b": "", "learnable": ""},
    {
        "w1": w1_end,
        "w2": w2_end,
        "b": b_end,
        "learnable": sum(is_right(learned(t)[-1], t) for t in product((0, 1), repeat=4)),
    },
)
check(
    {"z": "", "a": "", "E": "", "dE/dw1": "", "new w1": ""},
    """
    [given]
    x1 = 1
    x2 = 1
    [parameters]
    w1 = 1
    w2 = 1
    b = -0.5
    [forward]
    z = "w1*x1 + w2*x2 + b"
    a = "sigmoid(z)"
    E = "-log(1 - a)"
    [update]
    loss = "E"
    rate = 1
    """,
)
