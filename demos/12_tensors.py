# %% [markdown]
# # From numbers to matrices
#
# A network of thousands of weights is computed with matrices. The chain rule does not change; there
# are only fewer, larger steps. Here is one small layer twice: with two inputs, three neurons and
# four examples, first number by number, then as matrices.

# %%
import numpy as np

from tinygrad_hw import Value, backward_steps
from tinygrad_hw.explain import explain

random = np.random.default_rng(0)
inputs = random.normal(size=(4, 2)).round(1)  # a row for each example
targets = random.uniform(size=(4, 3)).round(1)
weights = random.normal(size=(2, 3)).round(1)  # a column for each neuron
biases = random.normal(size=3).round(1)
for name, array in {"X": inputs, "Y": targets, "W1": weights, "b1": biases}.items():
    print(f"{name} {array.shape}:\n{array}")

# %% [markdown]
# ## Number by number
#
# Six weights and three biases, each a `Value`. For every example and every neuron: a weighted sum,
# a sigmoid, a squared difference. E is the mean over the examples, summed over the neurons.

# %%
w = [[Value(weights[i, j], label=f"w{i}{j}") for j in range(3)] for i in range(2)]
b = [Value(biases[j], label=f"b{j}") for j in range(3)]
E = 0.0
for n in range(4):
    for j in range(3):
        z = inputs[n, 0] * w[0][j] + inputs[n, 1] * w[1][j] + b[j]
        E = E + (z.sigmoid() - targets[n, j]) ** 2 / 4
E.backward()
by_numbers = np.array([[weight.grad for weight in row] for row in w])
print(f"E = {E.data:.10f}, {len(list(backward_steps(E)))} edges")
print(f"dE/dw:\n{by_numbers}")

# %% [markdown]
# ## As matrices
#
# The weighted sums of all examples and all neurons are one product: row n of X times column j of
# W1.

# %%
X = Value(inputs, label="X", constant=True)
Y = Value(targets, label="Y", constant=True)
W1 = Value(weights, label="W1")
b1 = Value(biases, label="b1")
Z1 = X @ W1 + b1
Z1.label = "Z1"
A1 = Z1.sigmoid()
A1.label = "A1"
L = np.sum((A1 - Y) ** 2) / 4
L.label = "E"
L.backward()
print(f"E = {L.data:.10f}, {len(list(backward_steps(L)))} edges")
print(f"dE/dW1:\n{W1.grad}")
assert np.isclose(L.data, E.data, rtol=1e-14)
assert np.allclose(W1.grad, by_numbers, rtol=1e-13)
assert np.allclose(b1.grad, [bias.grad for bias in b], rtol=1e-13)
L

# %% [markdown]
# The gradients are the same. A gradient has the shape of what it is a gradient of: one derivative
# for each element.
#
# What is a step back through a matrix product? `explain` writes it down, with the shapes.

# %%
print(explain(L, W1))

# %% [markdown]
# ⊙ is a product element by element: a sigmoid works on each element by itself, so its derivative
# does too. Xᵀ · ∂E/∂Z1 is a product of matrices, and one can read it off the numbers. The weight w
# from input i to neuron j is used once for each example n, and each use contributes x times the
# gradient that arrives at z. So, with the rule that contributions are added,
#
#     ∂E/∂w[i, j] = Σₙ x[n, i] · ∂E/∂z[n, j]
#
# which is row i of Xᵀ times column j of ∂E/∂Z1. Whoever has forgotten on which side the transpose
# stands can find it by the shapes: there is one way only in which they fit.

# %%
dz1 = (A1.data - Y.data) / 2 * A1.data * (1 - A1.data)
print(f"Xᵀ · dE/dZ1:\n{inputs.T @ dz1}")
assert np.allclose(inputs.T @ dz1, W1.grad, rtol=1e-13)

i, j = 1, 2
one_by_one = [inputs[n, i] * dz1[n, j] for n in range(4)]
print(f"dE/dW1[1, 2] = {' + '.join(f'{term:.5f}' for term in one_by_one)} = {W1.grad[1, 2]:.5f}")

# %% [markdown]
# ## What is spread forward is summed backward
#
# X @ W1 is (4×3) and b1 has three elements. NumPy *broadcasts* b1: it adds the same three numbers
# to each of the four rows. So each bias is used four times, and its gradient is the sum over the
# rows.

# %%
print(explain(L, b1))
print(f"dE/dZ1 summed over the rows: {dz1.sum(axis=0)}")
print(f"dE/db1:                      {b1.grad}")
assert np.allclose(dz1.sum(axis=0), b1.grad, rtol=1e-13)

# %% [markdown]
# This holds for everything that is broadcast: where the shape forward grew, backward it is summed,
# until the gradient has the shape of its operand again. A column, a row, and one single number:

# %%
for shape in ((4, 1), (1, 3), (3,), ()):
    v = Value(np.ones(shape), label="v")
    np.sum(Value(np.ones((4, 3)), constant=True) * v).backward()
    print(f"v of shape {shape!s:>6}: gradient of shape {np.shape(v.grad)!s:>6}, {np.ravel(v.grad)}")
    assert np.shape(v.grad) == shape
    assert np.sum(v.grad) == 12  # there are twelve products in all

# %% [markdown]
# ## Two layers
#
# A second layer is fed with A1. Its gradient goes back through W2, now with the transpose on the
# other side, and arrives at A1 with A1's shape. These few lines are all of backpropagation through
# layers.

# %%
W2 = Value(random.normal(size=(3, 1)).round(1), label="W2")
Z2 = A1 @ W2
Z2.label = "Z2"
E2 = np.mean((Z2.sigmoid() - Value(targets[:, :1], label="y", constant=True)) ** 2)
E2.label = "E2"
print(explain(E2, W1))

# %% [markdown]
# ## Questions
#
# Three examples with two inputs, one neuron, Z = X · W + b, and what has arrived at Z:
#
#         ( 1  2 )                (  1 )
#     X = ( 3  4 )      ∂E/∂Z  =  (  0 )
#         ( 5  6 )                ( -2 )
#
# 1. What are the two elements of ∂E/∂W, and what is ∂E/∂b?
# 2. What is ∂E/∂X, where W = (3, -1)? Its last row will do: dE/dX_31 is row 3, column 1.
# 3. Now X is (32×784) and W (784×128). How many elements has ∂E/∂W?
#
# [Solutions](solutions/12_tensors.md)

# %%
from course import check

check(
    {"dE/dW_1": "", "dE/dW_2": "", "dE/db": "", "dE/dX_31": "", "dE/dX_32": ""},
    """
    [given]
    arrived = [1, 0, -2]
    [parameters]
    X = [[1, 2], [3, 4], [5, 6]]
    W = [3, -1]
    b = 0
    [forward]
    Z = "X @ W + b"
    E = "sum(arrived * Z)"
    [update]
    loss = "E"
    rate = 1
    """,
)
check({"elements": ""}, {"elements": np.zeros((784, 128)).size})
