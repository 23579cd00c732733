# %% [markdown]
# # One training step of MNIST, taken apart
#
# Training is one step, many times. Here is a single one, in the open: a batch of images, the
# forward pass, the loss, the backward pass, and the update. At the end stands what the package does
# in the same place, and the numbers are compared.

# %%
import numpy as np

from tinygrad_hw import Value, capture
from tinygrad_hw.data import load
from tinygrad_hw.explain import explain
from tinygrad_hw.nn import SGD, Adam, Dense, Flatten, Sequential

mnist = load()
print(mnist)
first = mnist.x_train[0]
for row in first[4:26:2, 2:27]:  # every second row, since a character is twice as high as wide
    print("".join(" .:*#"[pixel // 52] for pixel in row))
print(f"label: {mnist.y_train[0]}; shape {first.shape}, {first.dtype}")

# %% [markdown]
# ## The batch
#
# 32 images. Each becomes a row of 784 numbers between 0 and 1. The labels become rows, too, with a
# 1 in the place of the right class: T says what the probabilities should be.

# %%
images = mnist.x_train[:32] / np.float32(255)
labels = mnist.y_train[:32].astype(int)
X = Value(images.reshape(32, 784), label="X", constant=True)
T = Value(np.eye(10, dtype=np.float32)[labels], label="T", constant=True)
print(f"X {X.shape}, {X.dtype}, T {T.shape}, labels {labels[:10]} …")

# %% [markdown]
# ## The parameters
#
# 784 pixels, 128 hidden neurons, 10 classes. The weights of a layer are a matrix with a column for
# each neuron. They are taken from a model of the package, so that both start from the same numbers.


# %%
def new_model():
    hidden = Dense(128, activation="relu")
    classes = Dense(10, activation="softmax")
    return Sequential([Flatten(input_shape=(28, 28)), hidden, classes], seed=0)


start = new_model().get_weights()
W1, b1, W2, b2 = parameters = [
    Value(array, label=name) for array, name in zip(start, ("W1", "b1", "W2", "b2"), strict=True)
]
for p in parameters:
    print(f"{p.label}: {p.shape!s:>10}, {p.size:7,} numbers, largest {np.abs(p.data).max():.3f}")
print(f"{sum(p.size for p in parameters):,} numbers in all")

# %% [markdown]
# ## Forward
#
# Two layers. The last gives ten numbers for each image, the *logits*; softmax turns them into
# probabilities. The loss is the mean of -log(probability of the right class).


# %%
def forward():
    Z1 = X @ W1 + b1
    A1 = Z1.relu()
    Z2 = A1 @ W2 + b2
    loss = -np.sum(T * Z2.log_softmax()) / 32
    for value, name in ((Z1, "Z1"), (A1, "A1"), (Z2, "Z2"), (loss, "loss")):
        value.label = name
    return Z1, A1, Z2, loss


Z1, A1, Z2, loss = forward()
P = Z2.softmax().data
for name, array in {"Z1": Z1.data, "A1": A1.data, "Z2": Z2.data, "P": P}.items():
    print(f"{name} {array.shape}: from {array.min():.3f} to {array.max():.3f}")
print(f"A1 is 0 in {np.mean(A1.data == 0):.0%} of its places: there relu is shut")
print(f"loss {loss.data:.4f}; whoever says 1/10 to every class has log 10 = {np.log(10):.4f}")
right = np.count_nonzero(P.argmax(axis=1) == labels)
print(f"{right} of 32 are right")
loss

# %% [markdown]
# ## Backward
#
# One call. Every parameter has then a gradient of its own shape. `explain` says how dloss/dW1 came
# about, equation by equation.

# %%
loss.backward()
for p in parameters:
    print(f"dloss/d{p.label}: {p.grad.shape!s:>10}, largest {np.abs(p.grad).max():.4f}")
print(explain(loss, W1))

# %% [markdown]
# The equations down to dloss/dZ2 look worse than they are. exp(Z2) / exp(t1) is the softmax P. Each
# row of T has the sum 1, so dloss/dt1 is 1/32 in every row. (0.03125 is 1/32.) Together they are
# dloss/dZ2 = (P - T) / 32: what the network says, minus what it should say.
# The rest is the lesson on matrices: two transposes and a mask. All of it by hand:

# %%
dz2 = (P - T.data) / 32
da1 = dz2 @ W2.data.T
dz1 = da1 * (Z1.data > 0)
by_hand = [X.data.T @ dz1, dz1.sum(axis=0), A1.data.T @ dz2, dz2.sum(axis=0)]
for p, gradient in zip(parameters, by_hand, strict=True):
    difference = np.abs(p.grad - gradient).max() / np.abs(gradient).max()
    print(f"dloss/d{p.label}: by hand and by the engine within {difference:.0e}")
    assert difference < 1e-5  # float32 has seven digits

# %% [markdown]
# A row of dloss/dW1 belongs to a pixel. Where a pixel has no ink in any of the 32 images, its row
# is exactly 0 (see the lesson on zeros). Some pixels have none in all 60,000.

# %%
unused = ~np.any(X.data, axis=0)
print(
    f"{np.count_nonzero(unused)} of 784 pixels are empty in this batch, "
    f"{np.count_nonzero(~np.any(mnist.x_train, axis=0))} in all training images"
)
assert not np.any(W1.grad[unused])

# %% [markdown]
# ## The update
#
# *Gradient descent* goes down the slope: p ← p - rate · g. By hand, and by `SGD`, on a copy:


# %%
def updated_by(optimizer):
    """Give the parameters after one step of an optimizer, on copies."""
    copies = [Value(p.data, label=p.label) for p in parameters]
    for copy, p in zip(copies, parameters, strict=True):
        copy.grad = p.grad.copy()
    optimizer.apply(copies)
    return [copy.data for copy in copies]


by_hand = [p.data - np.float32(0.1) * p.grad for p in parameters]
for p, hand, package in zip(parameters, by_hand, updated_by(SGD(0.1)), strict=True):
    print(f"{p.label}: within {np.abs(hand - package).max():.0e}")
    assert np.allclose(hand, package, rtol=1e-6, atol=1e-7)

# %% [markdown]
# *Adam* keeps two running means for every parameter: m of its gradients, v of their squares. Both
# start at 0 and are too small at first, so they are divided by 1 - βᵗ in step t. The step is rate ·
# m / √v: a mean gradient, measured by its usual size. The numbers are the usual ones.

# %%
rate, beta_1, beta_2, epsilon, t = 0.001, 0.9, 0.999, 1e-7, 1
adam_by_hand = []
for p in parameters:
    m = (1 - beta_1) * p.grad  # + beta_1 * 0: there is no past yet
    v = (1 - beta_2) * p.grad**2
    # Keras's form, which the package follows: epsilon stands beside √v before that is corrected.
    corrected_rate = rate * np.sqrt(1 - beta_2**t) / (1 - beta_1**t)
    adam_by_hand.append(p.data - corrected_rate * m / (np.sqrt(v) + epsilon))
for p, hand, package in zip(parameters, adam_by_hand, updated_by(Adam(0.001)), strict=True):
    print(f"{p.label}: within {np.abs(hand - package).max():.0e}")
    assert np.allclose(hand, package, rtol=1e-6, atol=1e-7)

# %% [markdown]
# In the first step m / √v is g / |g|. So Adam's first step has the size of the rate for every
# parameter that has a gradient worth the name, whether large or small. SGD's are as unequal as the
# gradients.

# %%
for name, new in (("SGD", by_hand), ("Adam", adam_by_hand)):
    steps = np.abs(new[2] - W2.data)[W2.grad != 0]
    low, middle, high = np.quantile(steps, (0.1, 0.5, 0.9))
    print(
        f"{name:>4}, steps of W2: a tenth below {low:.1e}, half below {middle:.1e}, "
        f"a tenth above {high:.1e}"
    )

# %% [markdown]
# ## The package's own step
#
# `fit` does this for every batch. One batch of its work gives the same weights, and a lower loss.

# %%
model = new_model()
model.compile(Adam(0.001), loss="sparse_categorical_crossentropy", jit_compile=False)
model.train_on_batch(images, labels)
for p, hand, package in zip(parameters, adam_by_hand, model.get_weights(), strict=True):
    difference = np.abs(hand - package)
    print(f"{p.label}: {np.mean(difference < 1e-6):.2%} are the same to a millionth")
    assert np.mean(difference < 1e-6) > 0.99
after = model.evaluate(images, labels, verbose=0)
print(f"loss before {loss.data:.4f}, after {after:.4f}")
assert after < loss.data

# %% [markdown]
# ## The step as a program
#
# What is the same in every step need not be found out every time. `capture` takes the step down as
# a straight line of calls; see the lesson on the captured program. Here are its matrix products:
# two forward, three backward. Nobody asks for dloss/dX, so the fourth is not there.

# %%
sgd = SGD(0.1)


@capture(jit=False)
def step(x, t):
    for p in parameters:
        p.grad = None
    z2 = (x @ W1 + b1).relu() @ W2 + b2
    loss = -np.sum(t * z2.log_softmax()) / 32
    loss.backward()
    sgd.apply(parameters)
    return loss


sgd.build(parameters)
losses = [float(step(X.data, T.data).data) for _ in range(20)]
lines = [line.strip() for line in step.source.splitlines()]
products = [line for line in lines if "matmul" in line or "dot(" in line]
print(f"{len(lines)} lines; of these, products of matrices:")
print("\n".join(products))
print(f"twenty steps on the same batch: loss {losses[0]:.3f} to {losses[-1]:.3f}")
assert losses[-1] < losses[0] / 2

# %% [markdown]
# ## Questions
#
# One image and three classes, with the logits z = (1, 2, 0). The second class is right.
#
# 1. What is the loss, minus the logarithm of the second probability?
# 2. What are its derivatives by the three logits? What is their sum, and why?
# 3. What is the logit of the second class after a step with the rate 1?
# 4. How many parameters has a network of 784 inputs, 64 hidden neurons and 10 classes?
#
# [Solutions](solutions/16_mnist_step.md)

# %%
from course import check

check(
    {"E": "", "dE/dz_1": "", "dE/dz_2": "", "dE/dz_3": "", "new z_2": ""},
    """
    [parameters]
    z = [1, 2, 0]
    [forward]
    p = "softmax(z)"
    E = "-log(p[2])"
    [update]
    loss = "E"
    rate = 1
    """,
)
smaller = Sequential([Flatten(input_shape=(28, 28)), Dense(64), Dense(10)])
check({"parameters": ""}, {"parameters": smaller.count_params()})
