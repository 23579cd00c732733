# %% [markdown]
# # The transformer on arrays, captured
#
# The transformer in scalars makes a node for every single number. Here it is once more, the same
# parts in the same order, but each part is computed for all places of all names of a batch at once,
# as an array. The graph has then some sixty edges instead of thousands, and the step can be
# captured. So there is time for longer names, and for names that the model has never seen.

# %%
import math
import sys
import time

import numpy as np

from tinygrad_hw import Value, backward_steps, capture
from tinygrad_hw.nn import Adam

END, LENGTH = ".", 9
LETTERS = END + "abcdefghijklmnopqrstuvwxyz"
random = np.random.default_rng(0)
NAMES = [
    str(name)
    for name in random.permutation(sorted(sys.stdlib_module_names))
    if name.isalpha() and name.islower() and 3 <= len(name) < LENGTH
]
print(f"{len(NAMES)} names: {', '.join(NAMES[:9])}, …")

# %% [markdown]
# ## Names as arrays
#
# X has a row for each name: the numbers of its letters, with the end before them and behind, up to
# nine. T says what should follow: in the place of each letter a row with a 1 in the place of the
# next. After the end of a name nothing is asked, so these rows are 0. One name in eight is kept
# apart.


# %%
def arrays(names):
    """Give the letters of names and what follows each: (names, 9) and (names, 9, 27)."""
    x = np.array([[LETTERS.index(c) for c in (END + name).ljust(LENGTH, END)] for name in names])
    t = np.zeros((len(names), LENGTH, len(LETTERS)))
    for row, name in enumerate(names):
        for place, letter in enumerate(name + END):
            t[row, place, LETTERS.index(letter)] = 1
    return x, t


kept = len(NAMES) // 8
X, T = arrays(NAMES[kept:])
X_kept, T_kept = arrays(NAMES[:kept])
print(f"X {X.shape}, T {T.shape}, with {T.sum():.0f} letters to be found; {kept} names kept apart")
print(f"{NAMES[kept]}: {X[0]}")

# %% [markdown]
# ## The parts
#
# Indexing with X takes the right row of `letter` for every place of every name, and a product with
# a matrix is one for all places. Attention is two products of matrices for each name: of all
# queries with all keys, and of the shares with all values. What a place must not see, the places
# behind it, gets a score of -10⁹, and so the share 0.

# %%
WIDE, HIDDEN = 16, 64
BEHIND = np.where(np.tri(LENGTH) > 0, 0.0, -1e9)
shapes = {
    "letter": (len(LETTERS), WIDE),
    "place": (LENGTH, WIDE),
    "query": (WIDE, WIDE),
    "key": (WIDE, WIDE),
    "value": (WIDE, WIDE),
    "mix": (WIDE, WIDE),
    "widen": (WIDE, HIDDEN),
    "narrow": (HIDDEN, WIDE),
    "score": (WIDE, len(LETTERS)),
}
w = {name: Value(random.normal(0.0, 0.2, shape), label=name) for name, shape in shapes.items()}
parameters = list(w.values())
print(f"{sum(p.size for p in parameters):,} numbers in {len(parameters)} arrays")


def normalized(x):
    return x / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + 1e-5)


def shares_and_scores(x):
    """Give what each place looks at, and its scores of the letters that may follow."""
    x = w["letter"][x] + w["place"]
    inner = normalized(x)
    query, key, value = inner @ w["query"], inner @ w["key"], inner @ w["value"]
    scores = query @ np.swapaxes(key, -1, -2) / math.sqrt(WIDE) + BEHIND
    shares = scores.softmax()
    x = x + shares @ value @ w["mix"]
    x = x + np.maximum(normalized(x) @ w["widen"], 0.0) @ w["narrow"]
    return shares, normalized(x) @ w["score"]


def loss_of(x, t):
    """Give the mean of -log(probability of the right letter)."""
    _, scores = shares_and_scores(x)
    return -np.sum(t * scores.log_softmax()) / np.sum(t)


loss = loss_of(X[:32], T[:32])
edges = len(list(backward_steps(loss)))
print(f"loss {loss.data:.3f}, {edges} edges for 32 names")
assert 55 < edges < 65

# %% [markdown]
# Is it the same? Attention of one name, in its fourth place, with loops as in the lesson before:

# %%
shares, _ = shares_and_scores(X[:1])
inner = normalized(w["letter"].data[X[0]] + w["place"].data)
query = inner[3] @ w["query"].data
matches = [float(query @ (row @ w["key"].data)) / math.sqrt(WIDE) for row in inner[:4]]
powers = [math.exp(match) for match in matches]
by_loop = [power / sum(powers) for power in powers]
print(f"by a loop {np.round(by_loop, 3)}, on arrays {np.round(shares.data[0, 3, :4], 3)}")
assert np.allclose(shares.data[0, 3, :4], by_loop, rtol=1e-12)
assert not shares.data[0, 3, 4:].any()

# %% [markdown]
# ## Captured
#
# The step is a function of a batch, so its program fits every batch of 32. It holds the whole of
# it: forward, backward, and Adam's update.

# %%
adam = Adam(0.01)
adam.build(parameters)


def eager_step(x, t):
    for p in parameters:
        p.grad = None
    loss = loss_of(x, t)
    loss.backward()
    adam.apply(parameters)
    return loss


step = capture(eager_step, jit=False)


def epoch(function):
    """Call a step for each batch of names, in an order of its own; give the mean loss."""
    order = random.permutation(len(X))
    batches = [order[at : at + 32] for at in range(0, len(X) - 31, 32)]
    return np.mean([float(function(X[rows], T[rows]).data) for rows in batches])


for number in (1, 2):
    print(f"epoch {number}: loss {epoch(step):.3f}; {step.captures} calls recorded so far")
lines = [line.strip() for line in step.source.splitlines()]
print(f"{len(lines)} lines; the products of matrices going forward:")
print("\n".join([line for line in lines if "matmul" in line][:9]))

# %% [markdown]
# The products of three matrices with `inner`, those of attention for each name, and the rest, one
# line each. The letters of the batch are an argument, so nothing in the program depends on them.
#
# ## Seen and unseen
#
# The loss of the names that it learns from goes down and down. That of the names kept apart goes
# down at first, with what all names have in common, and comes up again when the model begins to
# learn the others by heart. There are not many names of modules; a model of a language is given all
# that it can get. Here the weights are kept from where the unseen names fared best.

# %%
best, weights = math.inf, []
for number in range(3, 41):
    seen, unseen = epoch(step), float(loss_of(X_kept, T_kept).data)
    if unseen < best:
        best, weights = unseen, [p.data.copy() for p in parameters]
    if number in (3, 6, 10, 20, 30, 40):
        print(f"epoch {number:2}: loss {seen:.3f}, of unseen names {unseen:.3f}")
print(f"best for unseen names: {best:.3f}")
assert seen < best < unseen
assert best < math.log(27) - 0.2

# %% [markdown]
# ## It spells
#
# With the weights that are best for unseen names it makes up names, and with the last ones it knows
# many by heart. As before, probabilities are squared; a star stands where there is such a module.


# %%
def spelled():
    """Draw a name letter by letter, each by the probabilities of the one before."""
    letters = END
    while len(letters) < LENGTH:
        x = np.array([[LETTERS.index(c) for c in letters.ljust(LENGTH, END)]])
        scores = shares_and_scores(x)[1].data[0, len(letters) - 1]
        chances = np.exp(2 * (scores - scores.max()))
        letters += LETTERS[random.choice(len(LETTERS), p=chances / chances.sum())]
        if letters.endswith(END):
            break
    return letters.strip(END)


def sample(number):
    words = [spelled() for _ in range(number)]
    return "  ".join(word + "*" * (word in NAMES) for word in words)


last = [p.data.copy() for p in parameters]
for what, arrays_then in (("best for unseen names", weights), ("last", last)):
    for p, array in zip(parameters, arrays_then, strict=True):
        p.data = array
    print(f"{what}:\n  {sample(8)}\n  {sample(8)}")

# %% [markdown]
# How much quicker is the program? That depends on the machine.

# %% tags=["remove-output"]
for what, function in (("as it is", eager_step), ("captured", step)):
    start = time.perf_counter()
    for _ in range(20):
        function(X[:32], T[:32])
    print(f"{what}: {(time.perf_counter() - start) / 20 * 1e3:.1f} thousandths of a second a step")

# %% [markdown]
# ## Questions
#
# 1. A batch of 32 names of nine places, lists of 16 numbers: how many elements has the array of all
#    scores of attention? How many of them are not behind?
# 2. How many elements has the gradient of `letter`? How many of its rows can be other than 0 after
#    a step on the one name "pwd"?
# 3. A step is called 500 times. How many of the calls are recorded?
# 4. At the beginning every letter is about as likely as every other. What is the loss then?
#
# [Solutions](solutions/20_transformer_on_arrays.md)

# %%
from course import check

shares, _ = shares_and_scores(X[:32])
for p in parameters:
    p.grad = None
loss_of(*arrays(["pwd"])).backward()
doubled = capture(lambda x: 2 * x)
for _ in range(500):
    doubled(Value(1.0))
check(
    {"scores": "", "seen": "", "elements": "", "rows": "", "recorded": "", "loss": ""},
    {
        "scores": shares.size,
        "seen": np.count_nonzero(shares.data),
        "elements": w["letter"].grad.size,
        "rows": np.count_nonzero(np.any(w["letter"].grad, axis=1)),
        "recorded": doubled.captures,
        "loss": math.log(len(LETTERS)),
    },
)
