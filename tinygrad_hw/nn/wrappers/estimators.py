"""The estimators: a model behind scikit-learn's ``fit``, ``predict`` and ``score``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, TransformerMixin
from sklearn.utils import check_array, check_random_state, column_or_1d
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from tinygrad_hw.nn import activations, losses, utils
from tinygrad_hw.nn.callbacks import History
from tinygrad_hw.nn.layers.process import seeded
from tinygrad_hw.nn.models import Model
from tinygrad_hw.nn.storage.cloning import clone_model

_SEEDS = 2**32


class _Estimator(BaseEstimator):  # type: ignore[misc]
    """Base class: what a model has as an estimator; see SKLearnClassifier for the parameters."""

    def __init__(
        self,
        model: Model | Callable[..., Model],
        warm_start: bool = False,
        model_kwargs: Mapping[str, Any] | None = None,
        fit_kwargs: Mapping[str, Any] | None = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.model = model
        self.warm_start = warm_start
        self.model_kwargs = model_kwargs
        self.fit_kwargs = fit_kwargs
        self.random_state = random_state

    def fit(self, X: Any, y: Any, sample_weight: Any = None, **kwargs: Any) -> Self:
        """Train a model.

        Parameters
        ----------
        X
            Examples, of shape (n, features), or (n, ...) as the model takes them.
        y
            Targets, of shape (n,) or (n, outputs).
        sample_weight
            A factor for the loss of each example.
        kwargs
            Arguments of the model's ``fit``, before those of ``fit_kwargs``.
        """
        X, y = validate_data(self, X, y, **self._accepted())
        targets = self._encoded(y)
        if sample_weight is not None:
            sample_weight = check_array(sample_weight, ensure_2d=False, input_name="sample_weight")
            if not sample_weight.any():
                raise ValueError("got a sample_weight of zero for every example; give others")
        seed = None
        if self.random_state is not None:
            seed = int(check_random_state(self.random_state).randint(_SEEDS, dtype=np.uint32))
        with seeded(seed):
            model = self._get_model(X, targets)
            if not model.built:
                model.build_once((None, *X.shape[1:]))
            given = {**(self.fit_kwargs or {}), **kwargs}
            targets = self._for_loss(targets, model)
            self.history_: History = model.fit(X, targets, sample_weight=sample_weight, **given)
        self.model_ = model
        return self

    def _get_model(self, X: Any, targets: Any) -> Model:
        """Return the model to train, compiled."""
        if self.warm_start and hasattr(self, "model_"):
            return self.model_
        model: Any = self.model
        if not isinstance(model, Model):
            model = model(X=X, y=targets, **(self.model_kwargs or {}))
        elif not self.warm_start:
            model = clone_model(model)
        if not isinstance(model, Model):
            raise ValueError(f"model should return a Model, compiled; it returned {model!r}")
        model.require_compiled()
        return model

    def _accepted(self) -> dict[str, Any]:
        """Return what ``validate_data`` is told of X and y."""
        return {"allow_nd": True, "multi_output": True, "y_numeric": True}

    def _encoded(self, y: Any) -> Any:
        """Return targets as the function that makes the model gets them, in two dimensions."""
        self._targets_ndim = y.ndim
        return y.reshape(len(y), -1)

    def _for_loss(self, targets: Any, model: Model) -> Any:
        """Return targets as the model's loss takes them."""
        return targets

    def _outputs(self, X: Any) -> npt.NDArray[Any]:
        """Return the model's outputs."""
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, allow_nd=True)
        return self.model_.predict(X, verbose=0)


class SKLearnClassifier(ClassifierMixin, _Estimator):  # type: ignore[misc]
    """Classifier of scikit-learn that trains a model; classes may be words.

    A function that makes the model gets one-hot targets, of shape (n, classes), as in Keras. The
    model is trained on those, on class numbers where its loss is a sparse one, or on 0 and 1 where
    it has one output. There is no ``decision_function``.

    Parameters
    ----------
    model
        A function that returns a compiled model: it is called with X, y and ``model_kwargs``, by
        name. Or a compiled model: each ``fit`` trains a copy, whose weights are drawn anew.
    warm_start
        Whether a second ``fit`` goes on with the model of the first, and the first trains the given
        model itself. (Keras's has no effect.)
    model_kwargs
        Further arguments of the function.
    fit_kwargs
        Arguments of the model's ``fit``: epochs, batch_size, verbose.
    random_state
        Seed of the weights, the order of examples and random layers, or a ``RandomState``; None is
        another each time. Keras has none. A model with a seed of its own keeps that.

    Attributes
    ----------
    model_, history_
        The trained model, and the History of its training.
    classes_
        The classes, in order.
    """

    classes_: npt.NDArray[Any]

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """Return the class of each example."""
        outputs = self._outputs(X)
        if outputs.shape[-1] > 1:
            return np.asarray(self.classes_[outputs.argmax(axis=-1)])
        loss = losses.get(self.model_.get_compile_config()["loss"])
        is_signed = isinstance(loss, losses.Hinge | losses.SquaredHinge)
        middle = 0.0 if is_signed or getattr(loss, "from_logits", False) else 0.5
        return np.asarray(self.classes_[(outputs[..., 0] > middle).astype(np.intp)])

    def predict_proba(self, X: Any) -> npt.NDArray[Any]:
        """Return the probability of each class, of shape (n, classes).

        Raises
        ------
        ValueError
            If the model does not end with a softmax or a sigmoid, and its loss is not on logits.
        """
        outputs = self._outputs(X)
        ending = self.model_.last_activation()
        loss = losses.get(self.model_.get_compile_config()["loss"])
        if getattr(loss, "from_logits", False):
            is_binary = isinstance(loss, losses.BinaryCrossentropy)
            ending = "sigmoid" if is_binary else "softmax"
            outputs = np.asarray(activations.get(ending)(outputs).data)
        if ending not in ("softmax", "sigmoid"):
            raise ValueError(
                f"the outputs of {self.model_.name} are no probabilities; end it with a softmax or "
                "a sigmoid"
            )
        if outputs.shape[-1] == 1:
            return np.concatenate([1 - outputs, outputs], axis=-1)
        return np.asarray(outputs / outputs.sum(axis=-1, keepdims=True))

    def _accepted(self) -> dict[str, Any]:
        return {"allow_nd": True}

    def _encoded(self, y: Any) -> Any:
        check_classification_targets(y)
        self.classes_, numbers = np.unique(column_or_1d(y, warn=True), return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(
                f"got examples of one class, {self.classes_.tolist()[0]!r}; give two or more"
            )
        return utils.to_categorical(numbers, len(self.classes_))

    def _for_loss(self, targets: Any, model: Model) -> Any:
        width, classes = model.output_shape[-1], len(self.classes_)
        if width == 1 and classes == 2:
            return targets[:, 1:]
        if width != classes:
            raise ValueError(f"got {classes} classes, and the model has {width} outputs")
        loss = losses.get(model.get_compile_config()["loss"])
        is_sparse = isinstance(loss, losses.SparseCategoricalCrossentropy)
        return targets.argmax(axis=-1) if is_sparse else targets


class SKLearnRegressor(RegressorMixin, _Estimator):  # type: ignore[misc]
    """Regressor of scikit-learn that trains a model.

    Parameters and attributes are those of ``SKLearnClassifier``, without ``classes_``.
    """

    def __sklearn_tags__(self) -> Any:
        """Say that there may be several targets."""
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """Return the outputs for each example, in the shape of the targets of ``fit``."""
        outputs = self._outputs(X)
        if self._targets_ndim == 1 and outputs.ndim == 2:
            outputs = outputs[:, 0]
        return outputs.astype(np.float64)


class SKLearnTransformer(TransformerMixin, _Estimator):  # type: ignore[misc]
    """Transformer of scikit-learn: what a trained model makes of examples.

    Parameters and attributes are those of ``SKLearnClassifier``, without ``classes_``.
    """

    def __sklearn_tags__(self) -> Any:
        """Say that outputs are of the model's dtype."""
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []
        return tags

    def transform(self, X: Any) -> npt.NDArray[Any]:
        """Return the outputs for each example."""
        return self._outputs(X)
