"""What a reference, ``help()`` and an editor are told of the engine's public functions."""

import inspect

import numpy as np
import pytest

from tinygrad_hw import engine
from tinygrad_hw.engine import Linear, Pointwise, Value, numpy_api
from tinygrad_hw.engine.core.operation import Operation
from tinygrad_hw.engine.docstrings import ATTRIBUTES, SENTENCES, document

IMPERATIVES = set(
    "Accumulate Add Check Clip Compare Compute Differentiate Join Make Multiply Pad Put Refuse "
    "Return Split Stop Sum Write Yield".split()
)
PUBLIC = {
    name: member
    for name, member in vars(Value).items()
    if not name.startswith("_") and (inspect.isfunction(member) or isinstance(member, property))
}
OPERATORS = {
    name: member
    for name, member in vars(Value).items()
    if name.startswith("__") and inspect.isfunction(member) and name not in dir(object)
    if not name.startswith("__array")
}
FUNCTIONS = {
    function.__name__: function
    for function in numpy_api.NUMPY.values()
    if inspect.isfunction(function)
}
EXPORTED = {name: getattr(engine, name) for name in engine.__all__}


def first_line(member):
    return inspect.getdoc(member).splitlines()[0]


def assert_is_documented(name, member):
    line = first_line(member)
    assert line.endswith("."), (name, line)
    assert line.split()[0] in IMPERATIVES, (name, line)
    assert len(line.split()) > 2, (name, line)


def test_there_is_something_to_look_at():
    assert {"exp", "sum", "reshape", "backward", "T", "detach"} <= set(PUBLIC)
    assert {"__add__", "__rmul__", "__matmul__", "__getitem__", "__neg__"} <= set(OPERATORS)
    assert {"squeeze", "concatenate", "einsum", "norm"} <= set(FUNCTIONS)
    assert (len(PUBLIC) > 50, len(OPERATORS) > 15, len(FUNCTIONS) > 15) == (True, True, True)


@pytest.mark.parametrize("name", [*PUBLIC, *OPERATORS])
def test_every_method_has_a_docstring_a_signature_and_a_type(name):
    member = vars(Value)[name]
    if not name.startswith("__") or name in ("__add__", "__getitem__", "__neg__", "__rmul__"):
        assert_is_documented(name, member)
    function = member.fget if isinstance(member, property) else member
    signature = inspect.signature(function)
    assert signature.return_annotation is not inspect.Signature.empty
    assert next(iter(signature.parameters)) == "self"
    assert function.__qualname__ == f"Value.{name}"


@pytest.mark.parametrize(
    ("method", "signature"),
    [
        ("exp", "(self) -> Value"),
        ("logsumexp", "(self, axis: Any = None, keepdims: bool = False) -> Value"),
        ("cumsum", "(self, axis: int | None = None, dtype: Any = None, out: None = None) -> Value"),
        ("argmax", "(self, axis=None, out=None, *, keepdims=<no value>) -> Any"),
        ("leaky_relu", "(self, negative_slope: float = 0.01) -> Value"),
        ("softmax", "(self, axis: int = -1) -> Value"),
        ("squeeze", "(self, axis=None) -> Value"),
        ("dot", "(self, y: Any) -> Value"),
        ("__add__", "(self: Value, other: Any) -> Value"),
        ("__rsub__", "(self: Value, other: Any) -> Value"),
        ("__neg__", "(self) -> Value"),
        ("__getitem__", "(self, index: Any) -> Value"),
    ],
)
def test_signatures_are_those_of_the_records(method, signature):
    assert str(inspect.signature(getattr(Value, method))).replace("'", "") == signature


def test_a_bound_method_has_no_self():
    signature = inspect.signature(Value([1.0, 2.0]).var)
    assert list(signature.parameters) == [
        "axis",
        "dtype",
        "out",
        "ddof",
        "keepdims",
        "where",
        "mean",
        "correction",
    ]
    assert signature.bind(0, ddof=1).arguments == {"axis": 0, "ddof": 1}


@pytest.mark.parametrize("operation", numpy_api.TABLE.values(), ids=lambda record: record.name)
def test_every_operation_has_a_docstring_and_a_signature(operation):
    assert_is_documented(operation.name, operation)
    parameters = inspect.signature(operation).parameters
    assert [name for name in parameters if name in operation.defaults] == [*operation.defaults]
    for name, default in operation.defaults.items():
        assert parameters[name].default is default
        assert name in ATTRIBUTES
        assert f"\n{name}\n    {ATTRIBUTES[name]}\n" in operation.__doc__
    for formula in operation.formulas:
        assert f"``{formula}``" in operation.__doc__


def test_the_sentences_are_those_of_the_table():
    assert set(SENTENCES) == set(numpy_api.TABLE)
    used = {name for record in numpy_api.TABLE.values() for name in record.defaults}
    assert set(ATTRIBUTES) == used


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_of_numpy_s_has_a_docstring_and_a_signature(name):
    assert_is_documented(name, FUNCTIONS[name])
    signature = inspect.signature(FUNCTIONS[name])
    assert signature.return_annotation is not inspect.Signature.empty
    kinds = {parameter.kind for parameter in signature.parameters.values()}
    assert kinds != {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}


@pytest.mark.parametrize("name", EXPORTED)
def test_every_exported_name_has_a_docstring(name):
    member = EXPORTED[name]
    if inspect.isfunction(member):
        assert_is_documented(name, member)
        assert inspect.signature(member).return_annotation is not inspect.Signature.empty
    elif inspect.isclass(member):
        assert first_line(member).endswith(".")


def test_the_class_of_operations_keeps_its_own_docstring():
    assert first_line(Operation).startswith("What all kinds of operations share")
    assert first_line(Pointwise).startswith("An operation whose derivative")
    assert "name: 'str'" in str(inspect.signature(Pointwise))


def test_an_operation_of_a_user_s_can_be_documented_too():
    double = Linear("double", lambda x: x + x, "2 * upstream", numpy=None)
    assert first_line(double) == first_line(Linear)
    document(double)
    assert first_line(double) == "Compute double."
    assert "``2 * upstream``" in double.__doc__
    assert np.array_equal(double(np.ones(2)), [2.0, 2.0])
