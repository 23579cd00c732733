"""scikit-learn's own checks of estimators, and what people do with them: search, pipelines."""

import copy
import pickle
import sys
import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import make_blobs
from sklearn.exceptions import NotFittedError
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from tinygrad_hw.errors import InputError
from tinygrad_hw.nn import Model, Sequential, utils, wrappers
from tinygrad_hw.nn.layers import Dense, Flatten, Input
from tinygrad_hw.nn.optimizers import SGD
from tinygrad_hw.nn.wrappers import SKLearnClassifier, SKLearnRegressor, SKLearnTransformer

X, NUMBERS = make_blobs(90, centers=[[-4, 0], [4, 0], [0, 6]], random_state=0)
WORDS = np.array(["ant", "bee", "cat"])[NUMBERS]
QUIET = {"verbose": 0}
# For the same reason, scikit-learn expects it of its own SGDClassifier and SGDRegressor.
UNEQUAL = {
    "check_sample_weight_equivalence_on_dense_data": (
        "steps on batches: a weight of 2 is one step, and an example twice may be two"
    )
}


def network(X, y, loss, ending=None, width=None, seed=None, dtype="float64"):
    """Make the smallest network there is; in float64, since the checks ask for seven digits."""
    last = Dense(width or y.shape[1], ending, dtype=dtype)
    model = Sequential([Input(X.shape[1:]), Flatten(), last], seed=seed)
    model.compile(SGD(0.1, momentum=0.9), loss)
    return model


def classifier(loss="categorical_crossentropy", ending="softmax", epochs=10, **options):
    settings = {"loss": loss, "ending": ending, **options.pop("settings", {})}
    return SKLearnClassifier(
        network, model_kwargs=settings, fit_kwargs=QUIET | {"epochs": epochs}, **options
    )


@pytest.mark.parametrize(
    ("estimator", "settings"),
    [
        (SKLearnClassifier, {"loss": "categorical_crossentropy", "ending": "softmax"}),
        (SKLearnRegressor, {"loss": "mse"}),
        (SKLearnTransformer, {"loss": "mse"}),
    ],
    ids=lambda x: getattr(x, "__name__", ""),
)
def test_scikit_learns_checks(estimator, settings):
    epochs = 1 if estimator is SKLearnTransformer else 10  # the others are asked for a score
    made = estimator(network, model_kwargs=settings, fit_kwargs=QUIET | {"epochs": epochs})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the checks' own: of what they give, and skip
        found = check_estimator(made, on_fail="raise", expected_failed_checks=UNEQUAL)
    failed = {check["check_name"] for check in found if check["status"] == "xfail"}
    assert failed == UNEQUAL.keys()
    assert {c["check_name"] for c in found if c["status"] == "skipped"} <= {"check_array_api_input"}
    assert len(found) > 50


def test_classes_are_words():
    made = classifier(random_state=0).fit(X, WORDS)
    assert made.classes_.tolist() == ["ant", "bee", "cat"]
    assert made.score(X, WORDS) > 0.95
    probabilities = made.predict_proba(X)
    np.testing.assert_allclose(probabilities, made.model_.predict(X, verbose=0))
    assert log_loss(WORDS, probabilities, labels=made.classes_) < 0.2
    assert len(made.history_.history["loss"]) == 10


def test_in_a_pipeline_and_a_search():
    pipeline = make_pipeline(StandardScaler(), classifier(random_state=0))
    grid = {
        "sklearnclassifier__fit_kwargs": [QUIET | {"epochs": 0}, QUIET | {"epochs": 8}],
        "sklearnclassifier__model_kwargs": [
            {"loss": "categorical_crossentropy", "ending": "softmax", "dtype": dtype}
            for dtype in ("float32", "float64")
        ],
    }
    search = GridSearchCV(pipeline, grid, cv=2).fit(X * 100, WORDS)
    assert search.best_params_["sklearnclassifier__fit_kwargs"]["epochs"] == 8
    assert search.score(X * 100, WORDS) > 0.95
    assert len(search.cv_results_["params"]) == 4


@pytest.mark.parametrize(
    ("loss", "ending", "width"),
    [
        ("sparse_categorical_crossentropy", "softmax", None),
        ("categorical_crossentropy", "softmax", None),
        ("binary_crossentropy", "sigmoid", None),  # an output for each of the two classes
        ("binary_crossentropy", "sigmoid", 1),
        ("binary_crossentropy", None, 1),  # on logits
        ("mse", None, 1),
        ("hinge", None, 1),
    ],
)
def test_targets_are_what_the_loss_takes(loss, ending, width):
    from tinygrad_hw.nn import losses

    if loss == "binary_crossentropy" and ending is None:
        loss = losses.BinaryCrossentropy(from_logits=True)
    two = NUMBERS < 2
    made = classifier(loss, ending, settings={"width": width}, random_state=0)
    assert made.fit(X[two], WORDS[two]).score(X[two], WORDS[two]) > 0.95
    if loss in ("mse", "hinge"):
        with pytest.raises(ValueError, match=r"are no probabilities; end it with a softmax or a s"):
            made.predict_proba(X)
        return
    probabilities = made.predict_proba(X[two])
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    np.testing.assert_array_equal(made.classes_[probabilities.argmax(axis=1)], made.predict(X[two]))


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="got 3 classes, and the model has 1 outputs"):
        classifier(settings={"width": 1}).fit(X, WORDS)
    sparse = classifier("sparse_categorical_crossentropy", settings={"width": 3})
    with pytest.raises(ValueError, match="got 2 classes, and the model has 3 outputs"):
        sparse.fit(X[NUMBERS < 2], WORDS[NUMBERS < 2])
    with pytest.raises(ValueError, match="got examples of one class, 'ant'; give two or more"):
        classifier().fit(X[:2], ["ant", "ant"])
    with pytest.raises(ValueError, match="model should return a Model, compiled; it returned None"):
        SKLearnRegressor(lambda X, y: None).fit(X, NUMBERS)
    with pytest.raises(ValueError, match=r"compile\(optimizer, loss\) the model first"):
        SKLearnRegressor(Sequential([Dense(1)])).fit(X, NUMBERS)
    with pytest.raises(NotFittedError):
        classifier().predict(X)


def test_a_random_state_makes_a_training_repeatable():
    utils.set_random_seed(5)
    first, other, again = [classifier(random_state=s, epochs=1).fit(X, WORDS) for s in (3, 4, 3)]
    np.testing.assert_array_equal(first.predict_proba(X), again.predict_proba(X))
    assert not np.array_equal(first.predict_proba(X), other.predict_proba(X))
    made = Sequential([Dense(1, input_shape=(3,))]).get_weights()[0]
    utils.set_random_seed(5)  # nothing was drawn from the process
    np.testing.assert_array_equal(Sequential([Dense(1, input_shape=(3,))]).get_weights()[0], made)


@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))], ids=["deepcopy", "pickle"]
)
def test_copies_predict_alike(copied):
    made = classifier(epochs=2).fit(X, WORDS)
    np.testing.assert_array_equal(copied(made).predict_proba(X), made.predict_proba(X))
    assert not hasattr(clone(made), "model_")
    assert clone(made).get_params() == made.get_params()


class TestAModelThatIsGiven:
    def test_each_fit_trains_a_copy(self):
        model = network(X, np.ones((1, 3)), "categorical_crossentropy", "softmax")
        before = model.get_weights()
        made = SKLearnClassifier(model, fit_kwargs=QUIET | {"epochs": 5}, random_state=1)
        assert made.fit(X, WORDS).score(X, WORDS) > 0.9
        assert made.model_ is not model
        for weight, old in zip(model.get_weights(), before, strict=True):
            np.testing.assert_array_equal(weight, old)
        first = made.predict_proba(X)
        np.testing.assert_array_equal(made.fit(X, WORDS).predict_proba(X), first)
        np.testing.assert_array_equal(clone(made).fit(X, WORDS).predict_proba(X), first)

    def test_a_warm_start_goes_on(self):
        model = network(X, np.ones((1, 1)), "mse")
        made = SKLearnRegressor(model, warm_start=True, fit_kwargs=QUIET)
        made.fit(X, X[:, 0], batch_size=45)
        made.fit(X, X[:, 0], batch_size=45, epochs=2)
        assert made.model_ is model
        assert model.optimizer.iterations == 6
        assert made.predict(X).shape == (90,)


def test_images_and_several_targets():
    images, targets = np.stack([X, X], axis=1), np.stack([NUMBERS, -NUMBERS], axis=1)
    made = SKLearnRegressor(network, model_kwargs={"loss": "mse"}, fit_kwargs=QUIET)
    assert made.fit(images, targets, epochs=2).predict(images).shape == (90, 2)
    transformer = SKLearnTransformer(network, model_kwargs={"loss": "mse"}, fit_kwargs=QUIET)
    assert transformer.fit(images, targets).transform(images).shape == (90, 2)


def test_a_functional_model():
    """The example of Keras's documentation."""

    def dynamic_model(X, y, loss, layers):
        inp = Input(shape=(X.shape[1],))
        hidden = inp
        for width in layers:
            hidden = Dense(width, activation="relu")(hidden)
        out = [Dense(y.shape[1] if len(y.shape) > 1 else 1, activation="softmax")(hidden)]
        model = Model(inp, out)
        model.compile(loss=loss, optimizer=SGD(0.1))
        return model

    settings = {"loss": "categorical_crossentropy", "layers": [20, 20]}
    made = SKLearnClassifier(dynamic_model, model_kwargs=settings, random_state=0)
    assert made.fit(X, WORDS, epochs=10, verbose=0).score(X, WORDS) > 0.95


def test_weights_of_examples_are_the_models():
    def first_loss(**options):
        made = SKLearnRegressor(
            network, model_kwargs={"loss": "mse"}, fit_kwargs=QUIET, random_state=0
        )
        return made.fit(X, NUMBERS, batch_size=90, **options).history_.history["loss"][0]

    assert first_loss(sample_weight=np.full(90, 3.0)) == pytest.approx(3 * first_loss())


def test_scikit_learn_is_asked_for_where_it_is_missing(monkeypatch):
    assert set(wrappers.__all__) <= set(dir(wrappers))
    with pytest.raises(AttributeError, match="has no attribute 'KerasClassifier'"):
        _ = wrappers.KerasClassifier
    monkeypatch.setitem(sys.modules, "sklearn", None)  # as if it were not installed
    message = r"^scikit-learn is not installed, and SKLearnRegressor is an estimator of it: pip in"
    with pytest.raises(InputError, match=message):
        _ = wrappers.SKLearnRegressor
