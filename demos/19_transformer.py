# %% [markdown]
# # A transformer in scalars learns to spell
#
# A language model gives, for each piece of a text, the probabilities of the next one. The large
# ones are *transformers*. Here is a small one, of single numbers, that learns to spell the names of
# Python's own modules (those of three letters). There is nothing in it but sums, products and a few
# functions, and the chain rule goes back through all of it.

# %%
import gc
import math
import random
import sys
from itertools import pairwise

from tinygrad_hw import Value, backward_steps
from tinygrad_hw.engine import ops

END = "."  # before the first letter, and after the last
LETTERS = END + "abcdefghijklmnopqrstuvwxyz"
NAMES = sorted(
    name for name in sys.stdlib_module_names if name.isalpha() and name.islower() and len(name) == 3
)
draw = random.Random(3)
draw.shuffle(NAMES)
print(f"{len(NAMES)} names: {', '.join(NAMES)}")

# %% [markdown]
# ## How good can one be without learning?
#
# The loss is the mean of -log(probability of the right letter). Whoever gives 1/27 to every letter
# has log 27. Whoever knows how frequent each letter is has less, and whoever looks at the letter
# before, less again. And even if one knows the names by heart, one cannot know which of them comes:
# with n names that is log n, spread over three letters and the end.


# %%
def entropy(counts):
    """Give the mean of -log(probability), the probabilities being the frequencies."""
    total = sum(counts.values())
    return -sum(n * math.log(n / total) for n in counts.values()) / total


pairs = [pair for name in NAMES for pair in pairwise(END + name + END)]
single = {b: sum(after == b for _, after in pairs) for b in LETTERS}
by_letter = entropy({b: n for b, n in single.items() if n})
both = entropy({pair: pairs.count(pair) for pair in set(pairs)})
before = {a: sum(first == a for first, _ in pairs) for a in LETTERS}
by_pair = both - entropy({a: n for a, n in before.items() if n})
by_heart = math.log(len(NAMES)) / 4
print(f"all alike {math.log(27):.2f}, by how frequent each is {by_letter:.2f}")
print(f"by the letter before {by_pair:.2f}, by heart {by_heart:.2f}")

# %% [markdown]
# ## The parts
#
# A letter is a list of six numbers, which are learned, and so is each place in a name. Their sum
# stands for "an n in the third place". A matrix makes a list of another.

# %%
WIDE, HIDDEN, PLACES = 6, 12, 4


def shapes(wide, hidden):
    """Give rows and columns of each matrix of the model."""
    return {
        "letter": (len(LETTERS), wide),
        "place": (PLACES, wide),
        "query": (wide, wide),
        "key": (wide, wide),
        "value": (wide, wide),
        "mix": (wide, wide),
        "widen": (hidden, wide),
        "narrow": (wide, hidden),
        "score": (len(LETTERS), wide),
    }


model = {
    name: [[Value(draw.gauss(0.0, 0.3)) for _ in range(columns)] for _ in range(rows)]
    for name, (rows, columns) in shapes(WIDE, HIDDEN).items()
}
parameters = [number for rows in model.values() for row in rows for number in row]
print(f"{len(parameters):,} parameters")


def dot(a, b):
    """Give a1 · b1 + a2 · b2 + …, which the engine has as one operation."""
    return ops.affine(*a, *b, 0.0)


def times(name, x):
    """Give the product of a matrix of the model and a list."""
    return [dot(row, x) for row in model[name]]


def plus(a, b):
    return [x + y for x, y in zip(a, b, strict=True)]


def normalized(x):
    """Give a list over the root of its mean square, so that it is neither loud nor faint."""
    scale = (dot(x, x) / len(x) + 1e-5) ** -0.5
    return [number * scale for number in x]


def softmax(scores):
    """Give probabilities: positive, and 1 together."""
    highest = max(score.data for score in scores)
    powers = [(score - highest).exp() for score in scores]
    total = sum(powers)
    return [power / total for power in powers]


# %% [markdown]
# ## Attention
#
# What comes after "th"? That depends on more than the h. So every place may look back at those
# before it, and at itself. It asks with a *query*; each place it may look at has a *key* and a
# *value*. Where query and key fit, their product is large; softmax makes shares of these products;
# and what is seen is the mean of the values with these shares. Query, key and value are three
# products with matrices, so what to look for is learned, too.
#
# Then comes a small network of relus, as in the lessons before. What each part has found is *added*
# to what was there. A sum passes its gradient on undiminished, so the way back to the letters is
# short.


# %%
def shares_and_scores(letters):
    """Give for each place the shares of what it looks at, and the probabilities of what follows."""
    keys, values, shares, following = [], [], [], []
    for place, letter in enumerate(letters):
        x = plus(model["letter"][LETTERS.index(letter)], model["place"][place])
        inner = normalized(x)
        query = times("query", inner)
        keys.append(times("key", inner))
        values.append(times("value", inner))
        share = softmax([dot(query, key) / math.sqrt(WIDE) for key in keys])
        seen = [dot(share, column) for column in zip(*values, strict=True)]
        x = plus(x, times("mix", seen))
        hidden = [h.relu() for h in times("widen", normalized(x))]
        x = plus(x, times("narrow", hidden))
        shares.append(share)
        following.append(softmax(times("score", normalized(x))))
    return shares, following


def loss_of(name):
    """Give the mean of -log(probability of the right letter) over a name and its end."""
    _, following = shares_and_scores(END + name)
    right = [p[LETTERS.index(after)] for p, after in zip(following, name + END, strict=True)]
    return -sum(p.log() for p in right) / len(right)


loss = loss_of("pwd")
print(f"loss of 'pwd' {loss.data:.3f}, {len(list(backward_steps(loss))):,} edges")

# %% [markdown]
# Is the gradient right? Try a number in the middle of it all, as in the lesson on checking.

# %%
loss.backward()
probe, h = model["key"][2][5], 1e-5
backward = probe.grad
probe.data += h
above = loss_of("pwd").data
probe.data -= 2 * h
below = loss_of("pwd").data
probe.data += h
print(f"backward {backward:.8f}, by trying {(above - below) / (2 * h):.8f}")
assert math.isclose(backward, (above - below) / (2 * h), rel_tol=1e-5, abs_tol=1e-9)

# %% [markdown]
# ## Training
#
# One name, one step, by Adam (see the lesson on a training step). The loss of a single name says
# little, so the mean of a hundred is printed. It ends far below what the letter before can tell:
# the model has learned to look further back.

# %%
STEPS, RATE = 400, 0.05
m, v = [0.0] * len(parameters), [0.0] * len(parameters)
losses = []
gc.disable()  # Python's collector looks for circles among all these nodes; there are none
for step in range(1, STEPS + 1):
    for number in parameters:
        number.grad = 0.0
    loss = loss_of(NAMES[step % len(NAMES)])
    loss.backward()
    losses.append(loss.data)
    rate = RATE * (1 - step / (STEPS + 1)) * math.sqrt(1 - 0.95**step) / (1 - 0.9**step)
    for i, number in enumerate(parameters):
        m[i] += 0.1 * (number.grad - m[i])
        v[i] += 0.05 * (number.grad**2 - v[i])
        number.data -= rate * m[i] / (math.sqrt(v[i]) + 1e-8)
    if step % 100 == 0:
        print(f"step {step}: loss {sum(losses[-100:]) / 100:.3f}")
gc.enable()
assert by_heart < sum(losses[-100:]) / 100 < by_pair

# %% [markdown]
# ## It spells
#
# Begin with nothing, draw a letter by its probability, ask for the next, and go on until the model
# says that the name is over. Probabilities are squared here, which makes the likely letters
# likelier. A star stands where the name is one of those above.


# %%
def spelled():
    letters = END
    while len(letters) <= PLACES:
        _, following = shares_and_scores(letters)
        letters += draw.choices(LETTERS, [p.data**2 for p in following[-1]])[0]
        if letters.endswith(END):
            break
    return letters.strip(END)


words = [spelled() for _ in range(24)]
for row in range(0, len(words), 8):
    print("  ".join(f"{word + '*' * (word in NAMES):<5}" for word in words[row : row + 8]))
assert sum(word in NAMES for word in words) > len(words) / 2

# %% [markdown]
# ## Where it looks
#
# The shares of attention, a row for each place, and what the model expects next. What a place sees
# of those further back is what a count of pairs cannot see.

# %%
name = END + "pwd"
shares, following = shares_and_scores(name)
print("   " + "".join(f"{letter:>6}" for letter in name) + "   then")
for letter, share, p in zip(name, shares, following, strict=True):
    likely = sorted(zip(LETTERS, p, strict=True), key=lambda pair: -pair[1].data)[:2]
    told = ", ".join(f"{after} {chance.data:.0%}" for after, chance in likely)
    row = "".join(f"{x.data:6.2f}" for x in share)
    print(f"{letter:>3}{row:<30}   {told}")

# %% [markdown]
# ## Questions
#
# Attention by hand, with lists of one number: the query is 1, the keys of two places are 0 and 1,
# their values 2 and -1.
#
# 1. What are the shares p, and what is seen, o = p_1 v_1 + p_2 v_2?
# 2. What is do/dv_1? What is do/dk_1? (In how many shares does k_1 stand?)
# 3. How many shares are computed for ".pwd", in all its places together?
# 4. How many parameters has the model with lists of eight numbers, and sixteen relus?
#
# [Solutions](solutions/19_transformer.md)

# %%
from course import check

check(
    {"p_1": "", "p_2": "", "o": "", "do/dv_1": "", "do/dk_1": ""},
    """
    [given]
    q = 1
    [parameters]
    k = [0, 1]
    v = [2, -1]
    [forward]
    p = "softmax(q*k)"
    o = "p @ v"
    [update]
    loss = "o"
    rate = 1
    """,
)
check(
    {"shares": "", "parameters": ""},
    {
        "shares": sum(map(len, shares)),
        "parameters": sum(rows * columns for rows, columns in shapes(8, 16).values()),
    },
)
