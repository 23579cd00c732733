"""MultiHeadAttention: each place of a sequence gets a mean of values, weighted by the keys."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygrad_hw.engine import numpy_api, ops
from tinygrad_hw.engine.core.node import raw
from tinygrad_hw.nn import initializers, regularizers
from tinygrad_hw.nn.layers.base import Layer, Shape
from tinygrad_hw.nn.layers.core import positive
from tinygrad_hw.nn.layers.regularization import Dropout
from tinygrad_hw.nn.layers.symbolic import Symbol

MASKED = -1e9  # Keras's score of a place that is masked


class _Projection(Layer):
    """Layer of a linear map of the last axes of its inputs, Keras's ``EinsumDense``.

    Parameters
    ----------
    inputs
        Number of axes that are mapped.
    outputs
        Shape that they are mapped to.
    settings
        ``use_bias``, the initializers and the regularizers, by their names in Dense.
    """

    def __init__(
        self, inputs: int, outputs: tuple[int, ...], settings: Any, **options: Any
    ) -> None:
        super().__init__(**options)
        self.inputs, self.outputs, self.settings = inputs, outputs, settings

    def build(self, input_shape: Shape) -> None:
        """Draw the kernel, and the bias."""
        settings = self.settings
        self.kernel = self.add_weight(
            (*[n or 0 for n in input_shape[-self.inputs :]], *self.outputs),
            settings["kernel_initializer"],
            regularizer=settings["kernel_regularizer"],
            name="kernel",
        )
        if settings["use_bias"]:
            self.bias = self.add_weight(
                self.outputs,
                settings["bias_initializer"],
                regularizer=settings["bias_regularizer"],
                name="bias",
            )

    def call(self, inputs: Any) -> Any:
        """Return the projection, computed as one matrix product."""
        width = math.prod(inputs.shape[-self.inputs :])
        rows = ops.reshape(inputs, (-1, width))
        out = ops.matmul(rows, ops.reshape(self.kernel, (width, -1)))
        if self.settings["use_bias"]:
            out = out + ops.reshape(self.bias, (-1,))
        return ops.reshape(out, (*inputs.shape[: -self.inputs], *self.outputs))


class MultiHeadAttention(Layer):
    """Layer of attention with several heads (Vaswani et al., 2017, "Attention is all you need").

    Each head projects queries, keys and values; softmax(query · key / sqrt(key_dim)) over the
    places of the keys weights the values there. The heads are projected to the outputs.

    It is called as ``layer(query, value, key=None)`` with sequences of shape (n, length, width);
    the key is the value by default. Further axes, and ``attention_axes``, are as in Keras.
    Where a query may look at no place at all, the scores are 0. Keras computes the mean of all
    values there, unless it returns scores or has dropout, and does not look at ``query_mask``.
    There are no ``sliding_window``, ``use_gate``, ``flash_attention`` and constraints, and what
    follows ``attention_axes`` is given by its name.

    Parameters
    ----------
    num_heads
        Number of heads.
    key_dim, value_dim
        Width of queries and keys, and of values, in each head; None is ``key_dim``.
    dropout
        Fraction of the scores that are set to 0 in training.
    use_bias
        Whether the projections have biases.
    output_shape
        Width of the outputs, or their shape behind the sequence; None is the width of the query.
    attention_axes
        Axes that the softmax is over; None is all but the first and the last.
    kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer
        As those of Dense, for the four projections; and so ``activity_regularizer``.
    seed
        Seed of the dropout.
    """

    def __init__(
        self,
        num_heads: int,
        key_dim: int,
        value_dim: int | None = None,
        dropout: float = 0.0,
        use_bias: bool = True,
        output_shape: int | Sequence[int] | None = None,
        attention_axes: int | Sequence[int] | None = None,
        *,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        seed: int | None = None,
        **options: Any,
    ) -> None:
        value_dim = key_dim if value_dim is None else value_dim
        positive("MultiHeadAttention", num_heads=num_heads, key_dim=key_dim, value_dim=value_dim)
        super().__init__(**options)
        self.num_heads, self.key_dim, self.value_dim = num_heads, key_dim, value_dim
        self.dropout, self.seed, self.use_bias = dropout, seed, use_bias
        self._shape_of_outputs = _tuple(output_shape)
        self.attention_axes = _tuple(attention_axes)
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.activity_regularizer = regularizers.get(activity_regularizer)

    def build(  # type: ignore[override]
        self, query_shape: Shape, value_shape: Shape, key_shape: Shape | None = None
    ) -> None:
        """Make the projections of query, key, value and outputs, in this order."""
        key_shape = value_shape if key_shape is None else key_shape
        if value_shape[1:-1] != key_shape[1:-1] or len(query_shape) != len(value_shape):
            raise ValueError(
                f"{self.name} got a query of shape {query_shape}, a value of {value_shape} and a "
                f"key of {key_shape}; expected (n, length, width), value and key of one length"
            )
        heads, outputs = self.num_heads, self._shape_of_outputs or (query_shape[-1] or 0,)
        self.query_dense = self._projection("query", 1, (heads, self.key_dim))
        self.key_dense = self._projection("key", 1, (heads, self.key_dim))
        self.value_dense = self._projection("value", 1, (heads, self.value_dim))
        self.output_dense = self._projection("attention_output", 2, outputs)
        self.dropout_layer = Dropout(self.dropout, seed=self.seed, dtype=self.dtype)
        self.query_dense.build_once(query_shape)
        self.key_dense.build_once(key_shape)
        self.value_dense.build_once(value_shape)
        self.output_dense.build_once((*query_shape[:-1], heads, self.value_dim))

    def _projection(self, name: str, inputs: int, outputs: tuple[int, ...]) -> _Projection:
        settings = {
            "use_bias": self.use_bias,
            "kernel_initializer": self.kernel_initializer,
            "bias_initializer": self.bias_initializer,
            "kernel_regularizer": self.kernel_regularizer,
            "bias_regularizer": self.bias_regularizer,
        }
        return _Projection(
            inputs,
            outputs,
            settings,
            name=f"{self.name}/{name}",
            dtype=self.dtype,
            trainable=self.trainable,
            activity_regularizer=self.activity_regularizer,
        )

    def _outputs(self, *inputs: Any, **options: Any) -> Any:
        return self.call(*inputs, **options)  # the projections add what the activities cost

    def call(
        self,
        query: Any,
        value: Any,
        key: Any = None,
        query_mask: Any = None,
        value_mask: Any = None,
        key_mask: Any = None,
        attention_mask: Any = None,
        return_attention_scores: bool = False,
        training: bool = False,
        use_causal_mask: bool = False,
    ) -> Any:
        """Return the outputs of a batch; with ``return_attention_scores`` also the scores.

        Parameters
        ----------
        query, value, key
            Of shapes (n, t, width), (n, s, width) and (n, s, width).
        query_mask, value_mask, key_mask
            Of shapes (n, t), (n, s) and (n, s), true where a place counts.
        attention_mask
            Of shape (n, t, s), or (n, heads, t, s), true where a query may look at a key.
        use_causal_mask
            Whether a query looks at no later place.
        """
        axes = self._axes(query.ndim)
        key = value if key is None else key
        shape: Any = self._shape_of_scores(query.shape, value.shape)
        masks = [_of_scores(attention_mask, len(shape), len(axes))]
        if query.ndim == 3:
            masks += [_of_scores(x, 4, 1, axis) for x, axis in ((query_mask, 2), (value_mask, 1))]
            masks.append(_of_scores(key_mask, 4, 1, 1))
            if use_causal_mask:
                masks.append(np.tri(*shape[2:])[None, None] > 0)
        elif use_causal_mask or any(x is not None for x in (query_mask, value_mask, key_mask)):
            raise ValueError(
                f"{self.name} got a query of shape {query.shape}; masks other than attention_mask "
                "are for shapes (n, length, width)"
            )
        mask: Any = functools.reduce(_both, masks)
        q, k, v = [
            _split(projection(x), axes)
            for projection, x in (
                (self.query_dense, query),
                (self.key_dense, key),
                (self.value_dense, value),
            )
        ]
        scores = ops.matmul(q * self.key_dim**-0.5, np.swapaxes(k, -1, -2))
        if mask is None:
            scores = numpy_api.softmax(scores, axis=-1)
        else:
            if len(axes) > 1:
                mask = np.reshape(np.broadcast_to(mask, shape), scores.shape)
            scores = numpy_api.softmax(ops.where(mask, scores, MASKED), axis=-1)
            scores = ops.where(mask, scores, 0.0)
        kept = self.dropout_layer(scores, training=training) if self.dropout else scores
        outputs = self.output_dense(_join(ops.matmul(kept, v), query.shape, axes))
        return (outputs, ops.reshape(scores, shape)) if return_attention_scores else outputs

    def _axes(self, ndim: int) -> tuple[int, ...]:
        """Return the axes that the softmax is over, counted from the front."""
        if self.attention_axes is None:
            return tuple(range(1, ndim - 1))
        return tuple([axis % ndim for axis in self.attention_axes])

    def _shape_of_scores(self, query_shape: Shape, value_shape: Shape) -> Shape:
        axes = self._axes(len(query_shape))
        before = [n for i, n in enumerate(query_shape[:-1]) if i not in axes]
        lengths = [shape[i] for shape in (query_shape, value_shape) for i in axes]
        return (*before, self.num_heads, *lengths)

    def compute_output_shape(
        self, query_shape: Shape, value_shape: Shape, key_shape: Shape | None = None
    ) -> Shape:
        """Return the shape of the query, with the width of the outputs."""
        return (*query_shape[:-1], *(self._shape_of_outputs or query_shape[-1:]))

    def compute_output_spec(self, *inputs: Any, **options: Any) -> Any:
        """Return the Symbol of the outputs; with ``return_attention_scores`` also of the scores."""
        outputs = super().compute_output_spec(*inputs, **options)
        if not options.get("return_attention_scores"):
            return outputs
        query_shape, value_shape, _ = self._shapes(inputs, options)
        return outputs, Symbol(self._shape_of_scores(query_shape, value_shape), self.dtype)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor, by name."""
        return super().get_config() | {"output_shape": self._shape_of_outputs}


def _tuple(numbers: int | Sequence[int] | None) -> tuple[int, ...] | None:
    if numbers is None:
        return None
    return (numbers,) if isinstance(numbers, int) else tuple(numbers)


def _split(x: Any, axes: tuple[int, ...]) -> Any:
    """Return projections (n, ..., heads, width) as (n, ..., heads, length, width)."""
    before = [i for i in range(x.ndim - 1) if i not in axes]
    ordered = np.transpose(x, (*before, *axes, x.ndim - 1))
    length = math.prod([x.shape[i] for i in axes])
    return ops.reshape(ordered, (*ordered.shape[: len(before)], length, x.shape[-1]))


def _join(x: Any, query_shape: Shape, axes: tuple[int, ...]) -> Any:
    """Return (n, ..., heads, length, width) as (n, ..., heads, width), in the query's order."""
    ndim = len(query_shape) + 1
    before = [i for i in range(ndim - 1) if i not in axes]
    apart = ops.reshape(x, (*x.shape[:-2], *[query_shape[i] for i in axes], x.shape[-1]))
    return np.transpose(apart, np.argsort([*before, *axes, ndim - 1]))


def _of_scores(mask: Any, ndim: int, axes: int, missing: int | None = None) -> Any:
    """Return a mask with as many axes as scores have: those of the heads and before are added.

    ``missing`` is an axis that the mask has not, counted from behind the heads.
    """
    if mask is None:
        return None
    truths = raw(mask)
    truths = truths if hasattr(truths, "dtype") else np.asarray(truths)
    truths = truths if truths.dtype == bool else truths != 0
    if missing is not None:
        truths = np.expand_dims(truths, missing)
    place = truths.ndim - 2 * axes
    if not 0 <= place <= ndim - 2 * axes:
        raise ValueError(f"a mask has the shape {truths.shape}; scores have {ndim} axes")
    shape = truths.shape
    return np.reshape(truths, (*shape[:place], *[1] * (ndim - len(shape)), *shape[place:]))


def _both(a: Any, b: Any) -> Any:
    return b if a is None else a if b is None else np.logical_and(a, b)
