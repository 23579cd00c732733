# %% [markdown]
# # How weights should start
#
# Equal weights leave the neurons equal (see the lesson on equal weights), so weights are drawn at
# random. How large should they be? Through many layers this decides whether anything arrives: the
# signal on its way forward, the gradient on its way back.

# %%
import math
from itertools import pairwise

import numpy as np

from tinygrad_hw import Value
from tinygrad_hw.data import load
from tinygrad_hw.nn import SGD, Dense, Flatten, Sequential
from tinygrad_hw.nn.initializers import GlorotUniform, HeNormal, RandomNormal, Zeros

INITIALIZERS = {
    "zeros": Zeros(),
    "normal 0.01": RandomNormal(stddev=0.01),
    "Glorot": GlorotUniform(),
    "He": HeNormal(),
    "normal 0.3": RandomNormal(stddev=0.3),
}

# %% [markdown]
# An initializer is called with the shape of a matrix of weights, (inputs, neurons), and here with a
# generator of random numbers. Glorot draws with the variance 2 / (inputs + neurons), He with
# 2 / inputs.

# %%
random = np.random.default_rng(0)
for name, initializer in INITIALIZERS.items():
    drawn = initializer((300, 100), generator=random)
    print(f"{name:>11}: variance {drawn.var():.6f}, largest {np.abs(drawn).max():.3f}")
assert math.isclose(GlorotUniform()((300, 100), generator=random).var(), 2 / 400, rel_tol=0.05)
assert math.isclose(HeNormal()((300, 100), generator=random).var(), 2 / 300, rel_tol=0.05)

# %% [markdown]
# ## Where do these numbers come from?
#
# A weighted sum z = w1 x1 + … + wn xn of independent numbers with mean 0 has the variance
#
#     Var z = n · Var w · E[x²]
#
# It is as large as E[x²], if Var w = 1/n. Backward the same holds with the number of neurons in
# place of that of inputs, since the gradient at x is a weighted sum over the neurons. Both at once
# cannot be had unless the numbers are equal: Glorot takes their mean. And relu keeps one half of
# its inputs, and so half of E[z²]; He takes twice as much to make up for it.
#
# See whether that is so: one layer with 500 inputs and 500 neurons.

# %%
x = random.normal(size=(400, 500))
for name, variance in (("1/n", 1 / 500), ("2/n", 2 / 500)):
    z = x @ random.normal(0, math.sqrt(variance), size=(500, 500))
    a = np.maximum(z, 0)
    print(
        f"Var w = {name}: E[x²] = {np.mean(x**2):.3f}, Var z = {z.var():.3f}, "
        f"after relu E[a²] = {np.mean(a**2):.3f}"
    )
assert math.isclose(np.mean(a**2), np.mean(x**2), rel_tol=0.05)

# %% [markdown]
# ## Eight layers of MNIST
#
# A batch of images goes through eight hidden layers of 100 relus and one of ten classes. Of each
# layer we look at the size of its outputs, √E[a²], and at that of the gradient that arrives at its
# weighted sums. What matters is not how large a number is but how it changes from layer to layer.

# %%
mnist = load()
LAYERS = 8
images = mnist.x_train[:200].reshape(200, 784) / np.float32(255)
images = (images - images.mean()) / images.std()
targets = np.eye(10, dtype=np.float32)[mnist.y_train[:200]]


def size(array):
    return float(np.sqrt(np.mean(np.square(array, dtype=np.float64))))


def sizes_through(initializer, activation):
    """Give the sizes of outputs and of gradients, layer by layer."""
    generator = np.random.default_rng(1)
    widths = [784, *[100] * LAYERS]
    a, sums, outputs = images, [], []
    for shape in pairwise(widths):
        z = a @ Value(initializer(shape, generator=generator))
        a = activation(z)
        sums.append(z)
        outputs.append(a)
    logits = a @ Value(initializer((100, 10), generator=generator))
    (-np.sum(targets * logits.log_softmax()) / len(images)).backward()
    return [size(a.data) for a in outputs], [size(z.grad) for z in sums]


by_relu = {name: sizes_through(make, Value.relu) for name, make in INITIALIZERS.items()}
for which, what in enumerate(("outputs", "gradients")):
    print(f"{what:<10}" + "".join(f"{name:>13}" for name in by_relu))
    for k in range(LAYERS):
        print(f"layer {k + 1:<4}" + "".join(f"{s[which][k]:13.2e}" for s in by_relu.values()))

# %% [markdown]
# - *zeros*: nothing goes through, forward or backward. There is not even a small gradient to
#   follow.
# - *normal 0.01*: each layer makes the signal about fourteen times smaller. After eight, the
#   network says the same of every image, and what comes back is as small.
# - *Glorot*: each layer loses a factor of about √2, the half of relu. Seven of them lose eleven.
# - *He*: the size stays what it is, in both directions.
# - *normal 0.3*: each layer doubles it, and the network begins with loud nonsense.
#
# Computed: a layer of 100 relus multiplies the size with √(100 · Var w / 2), forward and backward.


# %%
def factor(width, variance):
    """Compute by what a layer of relus multiplies the size."""
    return math.sqrt(width * variance / 2)


def per_layer(sizes):
    """Give the mean factor from a layer to the next."""
    return (sizes[-1] / sizes[0]) ** (1 / (len(sizes) - 1))


variances = {"normal 0.01": 0.01**2, "Glorot": 2 / 200, "He": 2 / 100, "normal 0.3": 0.3**2}
for name, variance in variances.items():
    outputs, gradients = by_relu[name]
    computed, forward, back = factor(100, variance), per_layer(outputs), 1 / per_layer(gradients)
    print(f"{name:>11}: computed {computed:.3f}, forward {forward:.3f}, backward {back:.3f}")
    assert math.isclose(forward, computed, rel_tol=0.1)
    assert math.isclose(back, computed, rel_tol=0.1)
assert set(by_relu["zeros"][0] + by_relu["zeros"][1]) == {0.0}

# %% [markdown]
# tanh halves nothing: its slope near 0 is 1, to both sides. So for small numbers Glorot's variance
# is the right one. Numbers that are not small are flattened: that is what each layer loses here,
# and what the larger weights of He make up for in part.

# %%
for name in ("normal 0.01", "Glorot", "He"):
    outputs, gradients = sizes_through(INITIALIZERS[name], np.tanh)
    forward, back = per_layer(outputs), 1 / per_layer(gradients)
    print(f"tanh, {name:>11}: forward {forward:.3f}, backward {back:.3f}")

# %% [markdown]
# ## Does it matter for training?
#
# The same network, trained for three short epochs on 3,000 images, with plain gradient descent. A
# gradient that is 10⁹ times too small would need a step 10⁹ times as large, but not in all layers.

# %%
x_train, y_train = mnist.x_train[:3000] / np.float32(255), mnist.y_train[:3000]
x_test, y_test = mnist.x_test[:1000] / np.float32(255), mnist.y_test[:1000]


def trained(initializer):
    hidden = [Dense(100, "relu", kernel_initializer=initializer) for _ in range(LAYERS)]
    last = Dense(10, "softmax", kernel_initializer=initializer)
    model = Sequential([Flatten(input_shape=(28, 28)), *hidden, last], seed=0)
    model.compile(
        SGD(0.05),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
        jit_compile=False,
    )
    with np.errstate(all="ignore"):  # one of them overflows
        history = model.fit(x_train, y_train, epochs=3, verbose=0).history
        return model, history["loss"], model.evaluate(x_test, y_test, verbose=0)[1]


results = {name: trained(make) for name, make in INITIALIZERS.items()}
for name, (_, losses, accuracy) in results.items():
    falling = ", ".join(f"{loss:.3f}" for loss in losses)
    print(f"{name:>11}: loss {falling}; {accuracy:.1%} of unseen images right")
assert results["He"][2] > 0.7
assert results["normal 0.01"][2] < 0.2

# %% [markdown]
# 2.303 is log 10: the loss of one who gives each class the same probability. Zeros and small
# numbers do not leave it. All that they learn is which class is the most frequent, by the biases of
# the last layer, whose gradients need not pass through anything. From 0.3, the first steps throw
# the network out of the range of float32: nan. Glorot starts late, since little arrives at its
# first layers, and He at once.

# %%
model, _, accuracy = results["zeros"]
kernels, biases = model.get_weights()[::2], model.get_weights()[1::2]
print(f"zeros: all weights still 0: {not any(kernel.any() for kernel in kernels)}")
print(f"biases other than 0: {[int(np.count_nonzero(bias)) for bias in biases]}")
most_frequent = np.bincount(y_train).argmax()
print(
    f"it says {set(model.predict_classes(x_test).tolist())}, the most frequent class here is "
    f"{most_frequent}: {np.mean(y_test == most_frequent):.1%} of the unseen images"
)
assert not any(kernel.any() for kernel in kernels)
assert math.isclose(accuracy, np.mean(y_test == most_frequent))
assert math.isnan(results["normal 0.3"][1][-1])

# %% [markdown]
# ## Questions
#
# 1. By which factor does a layer of 50 relus change the size of a signal, if its weights have the
#    variance 0.09?
# 2. With which variance of its weights is that factor 1?
# 3. Ten layers of 100 relus, all with the variance 1/100: what is left of the size, as a part of 1?
# 4. Ten classes, and every image is given the probability 1/10 of each. What is the loss?
#
# [Solutions](solutions/17_initializers.md)

# %%
from course import check

check(
    {"factor": "", "variance": "", "left": "", "loss": ""},
    {
        "factor": factor(50, 0.09),
        "variance": factor(50, 1.0) ** -2,
        "left": factor(100, 0.01) ** 10,
        "loss": math.log(10),
    },
)
