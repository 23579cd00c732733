"""HIPS autograd's functions of functions, against HIPS autograd itself and closed forms."""

import autograd
import autograd.numpy as hips
import numpy as np
import pytest

from tinygrad_hw import (
    Value,
    capture,
    deriv,
    elementwise_grad,
    grad,
    grad_and_aux,
    grad_named,
    hessian,
    hessian_tensor_product,
    hessian_vector_product,
    jacobian,
    make_ggnvp,
    make_hvp,
    make_jvp,
    make_vjp,
    multigrad_dict,
    tensor_jacobian_product,
    value_and_grad,
    vector_jacobian_product,
)

A = np.array([[0.3, -0.7, 0.2], [1.1, 0.4, -0.5]])
X, V = np.array([0.5, -1.2, 0.9]), np.array([0.7, 0.1, -2.0])


def energy(m):
    """A scalar function of two vectors, with NumPy or HIPS autograd's."""
    return lambda x, y: m.sum(m.exp(0.3 * x) * m.sin(y)) + m.sum(x * y) ** 2


def layer(m):
    return lambda x: m.tanh(m.dot(A, x))


# One call of each name, with what its functions take: run with our names and with theirs.
CALLS = {
    "elementwise_grad": lambda api, m: api.elementwise_grad(lambda x: m.sin(x) * x**2)(X),
    "elementwise_grad, second": lambda api, m: api.elementwise_grad(
        api.elementwise_grad(lambda x: m.sin(x) * x**2)
    )(X),
    "elementwise_grad, argnum": lambda api, m: api.elementwise_grad(lambda x, y: x * y**3, 1)(2, X),
    "elementwise_grad of a matrix": lambda api, m: api.elementwise_grad(m.tanh)(A),
    "deriv": lambda api, m: api.deriv(lambda x: m.sin(x**2) * x)(1.3),
    "deriv of a vector": lambda api, m: api.deriv(lambda x: m.sin(x * V))(1.3),
    "deriv by a vector": lambda api, m: api.deriv(lambda x: m.sum(x**3))(X),
    "deriv, argnum": lambda api, m: api.deriv(lambda x, y: x * y**3, argnum=1)(2.0, 3.0),
    "make_vjp": lambda api, m: api.make_vjp(layer(m))(X)[0](V[:2]),
    "make_vjp, value": lambda api, m: api.make_vjp(layer(m))(X)[1],
    "make_vjp, argnum": lambda api, m: api.make_vjp(energy(m), argnum=1)(X, V)[0](2.0),
    "make_jvp": lambda api, m: api.make_jvp(layer(m))(X)(V)[1],
    "make_jvp, value": lambda api, m: api.make_jvp(layer(m))(X)(V)[0],
    "make_jvp, argnum": lambda api, m: api.make_jvp(energy(m), 1)(X, V)(X)[1],
    "make_hvp": lambda api, m: api.make_hvp(energy(m))(X, V)[0](V),
    "make_hvp, gradient": lambda api, m: api.make_hvp(energy(m), 1)(X, V)[1],
    "make_hvp, argnum": lambda api, m: api.make_hvp(energy(m), argnum=1)(X, V)[0](X),
    "hessian_vector_product": lambda api, m: api.hessian_vector_product(energy(m), 1)(X, V, X),
    "hessian_tensor_product": lambda api, m: api.hessian_tensor_product(
        lambda a: m.sum(m.sin(a) * a[:, ::-1])
    )(A, A**2),
    "vector_jacobian_product": lambda api, m: api.vector_jacobian_product(layer(m))(X, V[:2]),
    "tensor_jacobian_product": lambda api, m: api.tensor_jacobian_product(
        lambda a: m.roll(m.sin(a), 1)
    )(A, V[:2]),
    "tensor_jacobian_product, of a matrix, argnum": lambda api, m: api.tensor_jacobian_product(
        lambda scale, a: scale * m.sin(m.stack([a, a[:, ::-1] ** 2], 2)), argnum=1
    )(2.0, A, A**2),
    "make_ggnvp": lambda api, m: api.make_ggnvp(layer(m))(X)(V),
    "make_ggnvp, of another loss": lambda api, m: api.make_ggnvp(
        layer(m), lambda y: m.sum(2.0 * y**2 + y**4)
    )(X)(V),
    "grad_and_aux": lambda api, m: api.grad_and_aux(lambda x: (m.sum(m.dot(A, x)), x**2))(X)[0],
    "grad_and_aux, aux": lambda api, m: api.grad_and_aux(lambda x: (m.sum(x), x**2))(X)[1],
    "grad_named": lambda api, m: api.grad_named(lambda x, scale: m.sum(x) * scale**2, "scale")(
        X, 3.0
    ),
    "grad, argnum": lambda api, m: api.grad(energy(m), argnum=1)(X, V),
    "jacobian, argnum": lambda api, m: api.jacobian(lambda s, x: s * layer(m)(x), argnum=1)(2.0, X),
    "hessian, argnum": lambda api, m: api.hessian(energy(m), argnum=1)(X, V),
}


class Ours:
    deriv, elementwise_grad, grad, grad_and_aux = deriv, elementwise_grad, grad, grad_and_aux
    grad_named, hessian, jacobian = grad_named, hessian, jacobian
    hessian_tensor_product, hessian_vector_product = hessian_tensor_product, hessian_vector_product
    make_ggnvp, make_hvp, make_jvp, make_vjp = make_ggnvp, make_hvp, make_jvp, make_vjp
    tensor_jacobian_product = tensor_jacobian_product
    vector_jacobian_product = vector_jacobian_product


@pytest.mark.parametrize("name", CALLS)
def test_it_is_what_hips_autograd_gives(name):
    ours, theirs = CALLS[name](Ours, np), CALLS[name](autograd, hips)
    assert np.shape(ours) == np.shape(theirs)
    assert not isinstance(ours, Value)
    np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", CALLS)
def test_a_captured_program_gives_the_same(name):
    program = capture(lambda shift: shift + CALLS[name](Ours, np))
    for shift in (0.0, 1.5):  # recorded, then replayed
        np.testing.assert_allclose(program(shift), shift + CALLS[name](Ours, np), rtol=1e-12)


# --- What HIPS autograd cannot be asked -----------------------------------------------------------


def test_argnum_and_argnums_are_one_and_a_list_will_do():
    both = grad(energy(np), argnums=(1, 0))(X, V)
    for given in (grad(energy(np), argnum=[1, 0]), grad(energy(np), [1, 0])):
        np.testing.assert_array_equal(given(X, V), both)
    value, slopes = value_and_grad(energy(np), argnum=(1, 0))(X, V)
    assert value == energy(np)(X, V)
    np.testing.assert_array_equal(slopes, both)


@pytest.mark.parametrize("member", [grad, value_and_grad, jacobian, hessian])
def test_argnum_and_argnums_together_are_refused(member):
    with pytest.raises(TypeError, match=r"argnums=1 and argnum=0 mean the same; give one of them"):
        member(energy(np), 1, argnum=0)


def test_several_arguments_give_and_take_tuples():
    pull_back, value = make_vjp(energy(np), (0, 1))(X, V)
    assert value == energy(np)(X, V)
    np.testing.assert_allclose(pull_back(1.0), grad(energy(np), (0, 1))(X, V), rtol=1e-15)
    moved = make_jvp(energy(np), (0, 1))(X, V)((V, X))[1]
    first, second = grad(energy(np), (0, 1))(X, V)
    assert moved == pytest.approx(first @ V + second @ X, rel=1e-14)
    product = hessian_vector_product(energy(np), (0, 1))(X, V, (V, X))
    (xx, xy), (yx, yy) = hessian(energy(np), (0, 1))(X, V)
    np.testing.assert_allclose(product, (xx @ V + xy @ X, yx @ V + yy @ X), rtol=1e-13)


def test_structures_go_through():
    def function(p):
        return {"a": p["w"] ** 2, "b": [p["b"] * p["w"][0]]}

    point = {"w": np.array([1.0, 2.0]), "b": 3.0}
    slopes = elementwise_grad(function)(point)
    np.testing.assert_array_equal(slopes["w"], [5.0, 4.0])
    assert slopes["b"] == 1.0
    moved = make_jvp(function)(point)({"w": np.array([1.0, 0.0]), "b": 1.0})[1]
    np.testing.assert_array_equal(moved["a"], [2.0, 0.0])
    assert moved["b"] == [4.0]
    total = deriv(function)(point)
    np.testing.assert_array_equal(total["a"], [2.0, 4.0])
    assert total["b"] == [4.0]


def test_the_function_is_called_once_for_however_many_vectors():
    calls = []

    def counted(x):
        calls.append(x)
        return np.tanh(A @ x)

    pull_back, _ = make_vjp(counted)(X)
    push_forward, multiply = make_jvp(counted)(X), make_ggnvp(counted)(X)
    for _ in range(3):
        pull_back(V[:2]), push_forward(V), multiply(V)
    assert len(calls) == 3


def test_derivatives_at_values_have_a_history():
    x = Value(X)
    np.sum(elementwise_grad(np.sin)(x)).backward()  # the derivative of the sum of the cosines
    np.testing.assert_allclose(x.grad, -np.sin(X), rtol=1e-15)
    scale = Value(2.0)  # an argument that is not differentiated by
    elementwise_grad(lambda x, s: s * x**3)(3.0, scale).backward()
    assert scale.grad == 27.0


def test_every_name_nests():
    third = grad(deriv(elementwise_grad(np.sin)))(0.4)
    assert third == pytest.approx(-np.cos(0.4), rel=1e-15)
    product = jacobian(lambda x: make_vjp(layer(np))(x)[0](V[:2]))(X)
    np.testing.assert_allclose(product, hessian(lambda x: V[:2] @ layer(np)(x))(X), rtol=1e-13)
    jacobian_of_product = jacobian(lambda v: make_jvp(layer(np))(X)(v)[1])(V)
    np.testing.assert_allclose(jacobian_of_product, jacobian(layer(np))(X), rtol=1e-15)


def test_float32_stays_float32():
    x = X.astype(np.float32)
    assert elementwise_grad(np.sin)(x).dtype == np.float32
    assert make_jvp(np.sin)(x)(V)[1].dtype == np.float32
    assert hessian_vector_product(lambda x: np.sum(x**3))(x, V).dtype == np.float32


def test_multigrad_dict_has_every_argument_by_its_name():
    def function(a, b, *rest, scale=2.0, **more):
        return a * b + scale**2 * sum(rest) + more["last"] ** 3

    gradients = multigrad_dict(function)(2.0, 3.0, 4.0, 5.0, last=1.5)
    assert gradients == {
        **{"a": 3.0, "b": 2.0, "rest": (4.0, 4.0)},
        **{"scale": 36.0, "more": {"last": 6.75}},
    }
    assert multigrad_dict(lambda x, y=2.0: x * y)(y=5.0, x=1.0) == {"x": 5.0, "y": 1.0}


REFUSED = {
    "grad_named": (
        lambda: grad_named(lambda x, y: x, "z"),
        "no argument is named 'z'; there are x, y",
    ),
    "grad_and_aux": (
        lambda: grad_and_aux(lambda x: (x, x))(X),
        r"grad_and_aux needs a scalar first, got shape \(3,\)",
    ),
    "hessian_vector_product": (
        lambda: hessian_vector_product(np.sum)(X, V[:2]),
        r"jvp got tangents of shape \(2,\) for the primals of shape \(3,\); give the same",
    ),
    "make_vjp": (lambda: make_vjp(np.sin)(X)[0](1.0), r"vjp got a vector of shape \(\)"),
    "make_hvp": (lambda: make_hvp(np.sin)(X), "grad needs a function that returns one scalar"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused(name):
    call, message = REFUSED[name]
    with pytest.raises(ValueError, match=message):
        call()
