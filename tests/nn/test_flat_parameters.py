import numpy as np
import pytest

from tinygrad_hw.engine import Value, no_grad
from tinygrad_hw.nn import SGD, Adam, Dense, Flatten, Sequential
from tinygrad_hw.nn.flat_parameters import FlatParameters

X = np.random.default_rng(0).random((12, 2, 3), np.float32)
LABELS = np.arange(12) % 3


def three_classes(optimizer=None, seed=0):
    model = Sequential(
        [Flatten(input_shape=(2, 3)), Dense(5, "relu"), Dense(3, "softmax")], seed=seed
    )
    model.compile(optimizer or Adam(), "sparse_categorical_crossentropy")
    return model


def two_classes(optimizer=None):
    model = Sequential([Flatten(input_shape=(2, 3)), Dense(5, "relu"), Dense(1, "sigmoid")], seed=0)
    model.compile(optimizer or Adam(), "binary_crossentropy")
    return model


def test_values_are_views_of_one_buffer_in_order():
    model = three_classes()
    flat = model.flat
    np.testing.assert_array_equal(
        flat.data, np.concatenate([weight.ravel() for weight in model.get_weights()])
    )
    for value in model.parameters():
        assert np.shares_memory(value.data, flat.data)
    flat.data[:] = np.arange(flat.data.size)
    assert model.parameters()[0].data[0, 1] == 1
    assert model.parameters()[-1].data[-1] == flat.data.size - 1


@pytest.mark.parametrize("steps", [1, 6])
def test_gradients_are_there_after_a_step_and_do_not_add_up(steps):
    model = three_classes(SGD(0.0))
    model.train_step(X, LABELS)
    first = [p.grad.copy() for p in model.parameters()]
    for _ in range(steps - 1):
        model.train_step(X, LABELS)
    for p, gradient in zip(model.parameters(), first, strict=True):
        assert p.grad.any()
        np.testing.assert_array_equal(p.grad, gradient)


def test_a_step_begins_without_gradients():
    model = three_classes()
    model.train_step(X, LABELS)
    model.zero_grad()
    assert {value.grad for value in model.parameters()} == {None}


def test_a_parameter_without_a_gradient_keeps_none():
    used, unused = Value([1.0, 2.0]), Value([[3.0]], label="spare")
    (used * used).sum().backward()
    with pytest.warns(UserWarning, match=r"does not depend on spare \(1, 1\): no gradient"):
        SGD(0.25).apply([used, unused])
    np.testing.assert_array_equal(used.grad, [2, 4])
    np.testing.assert_array_equal(used.data, [0.5, 1.0])
    assert unused.grad is None
    assert unused.data == 3.0


@pytest.mark.parametrize("optimizer", [SGD(0.1, momentum=0.9), Adam(0.1)], ids=["SGD", "Adam"])
def test_a_parameter_that_the_loss_does_not_depend_on_is_skipped_and_that_is_said_once(optimizer):
    used, sometimes = Value([1.0, 2.0]), Value([3.0], label="sometimes")
    flat = FlatParameters([used, sometimes])

    def step(both):
        used.grad = sometimes.grad = None
        loss = (used * used).sum()
        (loss + (sometimes * sometimes).sum() if both else loss).backward()
        optimizer.apply(flat.values)
        return used.data.copy(), sometimes.data.copy()

    before = step(both=True)  # a momentum that would go on moving it
    with pytest.warns(UserWarning, match="sometimes"):
        after = step(both=False)
    assert np.all(after[0] != before[0])
    np.testing.assert_array_equal(after[1], before[1])
    step(both=False)  # said once: a second warning would be an error here
    assert np.all(step(both=True)[1] != before[1])


def test_zero_grad_forgets_the_gradients():
    model = three_classes()
    model(Value(X)).sum().backward()
    assert all(value.grad is not None for value in model.parameters())
    model.zero_grad()
    assert all(value.grad is None for value in model.parameters())


def test_weights_read_are_copies_and_weights_set_are_copied():
    model = three_classes()
    weights = model.get_weights()
    weights[0][:] = 5
    assert not (model.get_weights()[0] == 5).any()
    model.set_weights(weights)
    weights[0][:] = 6
    assert (model.get_weights()[0] == 5).all()
    assert (model.flat.data[:30] == 5).all()


def test_weights_of_other_shapes_are_refused_and_none_is_set():
    model = three_classes()
    before = model.flat.data.copy()
    *rest, last = model.get_weights()
    for wrong in ([*rest, last[:-1]], rest, [*rest, last, last], [last, *rest]):
        with pytest.raises(ValueError, match=r"expected arrays of shapes \[\(6, 5\), \(5,\), "):
            model.set_weights([weight + 1 for weight in wrong])
    np.testing.assert_array_equal(model.flat.data, before)


def new_array(value):
    value.data = np.full(value.shape, 0.25)


def in_place(value):
    value.data *= 0
    value.data += 0.25


def by_element(value):
    value.data[...] = 0.25


@pytest.mark.parametrize("change", [new_array, in_place, by_element])
def test_data_given_to_a_parameter_are_trained_from(change):
    """However they are given: a parameter that looks away from its buffer would stay as it is."""
    model = three_classes(SGD(0.5))
    expected = three_classes(SGD(0.5))
    change(model.parameters()[0])
    _, *others = expected.get_weights()
    expected.set_weights([np.full((6, 5), 0.25), *others])
    model.fit(X, LABELS, batch_size=12, verbose=0)
    expected.fit(X, LABELS, batch_size=12, verbose=0)
    for found, wanted in zip(model.get_weights(), expected.get_weights(), strict=True):
        np.testing.assert_array_equal(found, wanted)


def test_a_layer_in_two_models_is_refused_or_trained_by_both():
    layer = Dense(1, "sigmoid", input_shape=(2,))
    first = Sequential([layer], seed=0)
    try:
        Sequential([layer], seed=1)
    except ValueError:
        return
    first.compile(SGD(1.0), "binary_crossentropy")
    x = np.ones((4, 2))
    before = first.predict(x)
    first.fit(x, [1] * 4, verbose=0)
    assert (first.predict(x) > before).all()


class TestFloat32:
    """Nowhere in training is there a number of another kind."""

    @pytest.mark.parametrize("dtype", [np.float64, np.float32, np.uint8])
    @pytest.mark.parametrize("optimizer", [Adam(), SGD(momentum=0.9)])
    @pytest.mark.parametrize(
        ("make", "labels"), [(three_classes, LABELS), (two_classes, LABELS > 1)]
    )
    def test_of_every_array(self, make, labels, optimizer, dtype):
        model = make(optimizer)
        results = []
        step = model.train_step
        model.train_step = lambda *batch: results.append(step(*batch)) or results[-1]
        model.fit(X.astype(dtype), labels, batch_size=5, epochs=2, validation_split=0.25, verbose=0)
        kept = [variable.data for variable in optimizer.variables if variable.shape]
        arrays = {
            "data": [value.data for value in model.parameters()],
            "gradients": [value.grad for value in model.parameters()],
            "buffer": [model.flat.data],
            "moments": kept,
            "losses": [np.asarray(loss) for loss, *_ in results],
            "outputs": [model.predict(X.astype(dtype))],
        }
        kinds = {name: {str(array.dtype) for array in group} for name, group in arrays.items()}
        assert all(kind == {"float32"} for kind in kinds.values()), kinds

    @pytest.mark.parametrize(
        ("make", "labels"), [(three_classes, LABELS), (two_classes, LABELS > 1)]
    )
    def test_of_every_node_and_every_gradient_of_the_graph(self, make, labels):
        model = make()
        targets = model.objective.check(labels)
        loss = model.objective.loss_of(targets, model.logits(Value(X)))
        loss.backward()
        seen, waiting = {}, [loss]
        while waiting:
            node = waiting.pop()
            seen[id(node)] = node
            waiting.extend(node.inputs)
        assert len(seen) > 10
        wide = [
            node
            for node in seen.values()
            if np.float64 in (getattr(node.raw, "dtype", 0), getattr(node.grad, "dtype", 0))
        ]
        assert wide == []


def test_evaluating_leaves_no_mode_and_no_gradient_behind():
    model = three_classes()
    model.predict(X)
    model.evaluate(X, LABELS)
    with pytest.raises(ValueError, match="labels"):
        model.evaluate(X, LABELS + 5)
    assert {value.grad for value in model.parameters()} == {None}
    assert model(Value(X)).operation is not None  # recording
    with no_grad():
        assert model(Value(X)).operation is None


def test_a_graph_made_between_steps_keeps_its_numbers():
    model = Sequential([Dense(2, input_shape=(3,)), Dense(1, activation="sigmoid")], seed=0)
    start = model.get_weights()
    for value in model.parameters():
        value.data = value.data.copy()
    out = model.logits(Value(np.ones((1, 3), np.float32))).sum()
    model.set_weights([10 * array for array in start])
    out.backward()
    np.testing.assert_allclose(model.parameters()[0].grad[0], start[2][:, 0], rtol=1e-6)
