"""Pictures of what a network has learned, on Matplotlib's Axes; and the numbers in them.

Each function draws on ``ax``, by default on new Axes of pyplot, and returns the Axes: in a notebook
they show themselves, and without a display they can be saved. ``layer_activity``,
``layer_gradients``, ``surest_mistakes`` and ``class_gradient`` return the numbers.
"""

from tinygrad_hw.nn.pictures.classes import class_errors
from tinygrad_hw.nn.pictures.layers import (
    LayerNumbers,
    activations,
    gradients,
    layer_activity,
    layer_gradients,
)
from tinygrad_hw.nn.pictures.mistakes import Mistake, mistakes, surest_mistakes
from tinygrad_hw.nn.pictures.saliency import class_gradient, saliency
from tinygrad_hw.nn.pictures.weights import weight_images

__all__ = [
    "LayerNumbers",
    "Mistake",
    "activations",
    "class_errors",
    "class_gradient",
    "gradients",
    "layer_activity",
    "layer_gradients",
    "mistakes",
    "saliency",
    "surest_mistakes",
    "weight_images",
]
