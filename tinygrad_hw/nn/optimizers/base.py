"""Base class of optimizers. Names, formulas and defaults are Keras's.

An optimizer's rule is a function of data that returns new data, so a captured program records it
like any computation. States are Values. Parameters that have taken as many steps come to the rule
end to end, in one long array (see ``FlatParameters``).
"""

from __future__ import annotations

import inspect
import re
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, Self, TypeVar

import numpy as np

from tinygrad_hw.engine import Value, ops
from tinygrad_hw.engine.call_site import package_depth
from tinygrad_hw.engine.core.node import read_data
from tinygrad_hw.engine.core.trace import current
from tinygrad_hw.nn.flat_parameters import EndToEnd, buffer_of, in_buffers, is_lent
from tinygrad_hw.nn.optimizers.clipping import (
    clipped_by_global_norm,
    clipped_by_norm,
    clipped_by_value,
)
from tinygrad_hw.nn.optimizers.configuration import config_of, deserialize, serialize
from tinygrad_hw.nn.optimizers.parameters import gradients_of, leaves_of, store
from tinygrad_hw.nn.optimizers.schedules import SCHEDULES, LearningRateSchedule
from tinygrad_hw.nn.optimizers.settings import Choice, Setting, check_range, is_none, is_schedule
from tinygrad_hw.nn.optimizers.states import States

Rule = TypeVar("Rule", bound=Callable[..., Any])


def pointwise(rule: Rule) -> Rule:
    """Mark a rule that computes each element by itself: parameters may come to it end to end."""
    rule.pointwise = True  # type: ignore[attr-defined]
    return rule


class Optimizer(ABC):
    """Base class of optimizers: one rule updates each parameter and its states.

    The states of a parameter, and the number of its steps, are its own: whichever list it comes in,
    in whichever order, with whatever data. A copy of an optimizer has the states of copied
    parameters: copy or pickle it together with the parameters.

    A step clips the gradients, lets weights decay, follows the rule, and then takes averages.

    Parameters
    ----------
    learning_rate
        A number, which may be changed between steps, or a LearningRateSchedule, which gives it for
        each of ``iterations``. Keras's functions without an argument are refused.
    weight_decay
        Take rate · weight_decay · p from each parameter p before the rule; see
        ``exclude_from_weight_decay``.
    clipnorm, clipvalue, global_clipnorm
        One of them at most. The largest norm of each parameter's gradient; the largest size of each
        element; the largest norm of all gradients of a step together.
    use_ema, ema_momentum
        Whether to keep an average of each parameter: a ← momentum · a + (1 - momentum) · p after
        each of its steps, from its value after the first. ``finalize_variable_values`` gives
        parameters their averages.
    ema_overwrite_frequency
        In every step of this many, give parameters their averages; None does not.
    loss_scale_factor, gradient_accumulation_steps
        Keras's; there are none here, and only None is accepted.
    name
        By default the class's name in lower case, "adam"; Keras numbers it.

    Raises
    ------
    ValueError
        For settings that make no sense, or several ways to clip.
    TypeError
        For a setting that is not a number.
    """

    states: tuple[str, ...] = ()  # names of the rule's arrays, shaped like a parameter, 0 at first
    learning_rate, weight_decay, ema_momentum = Setting(is_schedule), Setting(is_none), Setting()
    clipnorm, clipvalue, global_clipnorm = Setting(is_none), Setting(is_none), Setting(is_none)
    use_ema, ema_overwrite_frequency = Choice(), Choice()
    loss_scale_factor = gradient_accumulation_steps = None
    __signature__: ClassVar[inspect.Signature]

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule = 0.01,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: None = None,
        gradient_accumulation_steps: None = None,
        name: str | None = None,
    ) -> None:
        for what, given in (
            ("loss_scale_factor", loss_scale_factor),
            ("gradient_accumulation_steps", gradient_accumulation_steps),
        ):
            if given is not None:
                raise ValueError(f"{what}={given!r} is Keras's; there is none here: leave it away")
        limits = {
            "clipnorm": clipnorm,
            "clipvalue": clipvalue,
            "global_clipnorm": global_clipnorm,
        }
        limits = {what: limit for what, limit in limits.items() if limit is not None}
        if len(limits) > 1:
            raise ValueError(f"give one of {' and '.join(limits)}: gradients are clipped once")
        frequency = ema_overwrite_frequency
        if frequency is not None and not (isinstance(frequency, int) and frequency >= 1):
            raise ValueError(
                f"ema_overwrite_frequency should be 1, 2, ... or None, got {frequency}"
            )
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.clipnorm, self.clipvalue, self.global_clipnorm = clipnorm, clipvalue, global_clipnorm
        self.use_ema, self.ema_overwrite_frequency = use_ema, frequency
        self.ema_momentum = ema_momentum
        for what in limits:
            check_range(self, what, above=0.0)
        check_range(self, "ema_momentum", 0.0, 1.0)
        self.name = name or type(self).__name__.lower()
        self._iterations = Value(0.0, "iterations", constant=True)
        self._states: dict[Value, States] = {}  # by parameter
        self._untrained: set[Value] = set()  # parameters of which a warning has said so
        self._excluded: tuple[tuple[Value, ...], tuple[str, ...]] = (), ()

    def __init_subclass__(cls, **options: Any) -> None:
        """Give the class the signature of its own arguments, then those that it passes on."""
        super().__init_subclass__(**options)
        own = [*inspect.signature(cls.__init__).parameters.values()][1:]
        given = {p.name: p for p in own if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)}
        if len(given) < len(own):
            given = {**given, **inspect.signature(cls.__base__ or cls).parameters, **given}
        cls.__signature__ = inspect.Signature([*given.values()])

    # --- States and settings ----------------------------------------------------------------------

    @property
    def iterations(self) -> Any:
        """Return how many steps have been taken, whichever parameters they moved."""
        number = read_data(self._iterations)
        return int(number) if isinstance(number, float) else number

    @iterations.setter
    def iterations(self, number: Any) -> None:
        store({self._iterations: ops.astype(read_data(number), float)})

    @property
    def schedule(self) -> LearningRateSchedule | None:
        """Return the schedule of the learning rate, or None."""
        rate = vars(self)["learning_rate"]
        return rate if isinstance(rate, LearningRateSchedule) else None

    @property
    def variables(self) -> list[Value]:
        """Return the Values that hold ``iterations``, the states and the numbers of steps."""
        states = [x for each in dict.fromkeys(self._states.values()) for x in each.variables]
        return [self._iterations, *states]

    def reset(self) -> None:
        """Set ``iterations``, the states of all parameters and their numbers of steps to zero."""
        store({x: np.zeros(x.shape, x.dtype) if x.shape else 0.0 for x in self.variables})

    def exclude_from_weight_decay(
        self, var_list: Iterable[Value] | None = None, var_names: Iterable[str] | None = None
    ) -> None:
        """Exclude parameters from weight decay, before the optimizer has states of any.

        Parameters
        ----------
        var_list
            Parameters.
        var_names
            Regular expressions; a parameter is excluded if one is found in the last part of its
            label: "bias" in "dense_1/bias".
        """
        if self._states:
            raise ValueError(
                "exclude_from_weight_decay comes before the first step, and before compile: "
                f"{self.name} has states of {len(self._states)} parameters"
            )
        self._excluded = tuple(var_list or ()), tuple(var_names or ())

    def _is_decaying(self, p: Value) -> bool:
        parameters, patterns = self._excluded
        name = (p.label or "").rpartition("/")[2]
        is_named = any(re.search(pattern, name) for pattern in patterns)
        return not is_named and not any(p is other for other in parameters)

    def build(self, parameters: Iterable[Value]) -> None:
        """Create the states of these parameters, as the first ``apply`` would."""
        self._states_of(leaves_of(parameters))

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal optimizer, without states; it is fit for JSON."""
        config = config_of(self)
        return config | {"learning_rate": serialize(self.schedule)} if self.schedule else config

    @classmethod
    def from_config(
        cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None
    ) -> Self:
        """Return an optimizer with these arguments; a schedule may be one of ``custom_objects``."""
        rate = config.get("learning_rate")
        if isinstance(rate, Mapping):
            config = {**config, "learning_rate": deserialize(rate, SCHEDULES, custom_objects)}
        return cls(**config)

    # --- A step -----------------------------------------------------------------------------------

    def apply(
        self, grads: Iterable[Any], trainable_variables: Iterable[Value] | None = None
    ) -> None:
        """Change each parameter by one step.

        A parameter without a gradient stays as it is, with its states and its number of steps; a
        warning says so, once, unless it is a constant. One that is given twice takes one step.

        Parameters
        ----------
        grads
            The parameters, each to be changed along its ``grad``; with ``trainable_variables`` the
            gradients, as arrays or numbers or None.
        trainable_variables
            The parameters of the gradients.

        Raises
        ------
        ValueError
            For a Value that was computed, and for a gradient of another shape than its parameter.
        """
        if trainable_variables is not None:
            self._step(gradients_of(grads, trainable_variables))
            return
        self._step({p: p.grad for p in leaves_of(grads)})

    def apply_gradients(self, grads_and_vars: Iterable[tuple[Any, Value]]) -> Any:
        """Change each parameter by one step along the gradient beside it; return ``iterations``."""
        gradients, parameters = [*zip(*grads_and_vars, strict=True)] or ((), ())
        self._step(gradients_of(gradients, parameters))
        return self.iterations

    def _step(self, found: Mapping[Value, Any]) -> None:
        gradients = {p: gradient for p, gradient in found.items() if gradient is not None}
        self._warn([p for p in found if p not in gradients and not p.constant])
        if not gradients:
            return
        is_pointwise = getattr(self.rule, "pointwise", False)
        new: dict[Value, Any] = {self._iterations: read_data(self._iterations) + 1.0}
        moved: dict[Value, Any] = {}
        work = []
        for states in self._states_of(gradients):
            states.begin()
            groups, changes = states.count(gradients)
            new |= changes
            if not is_pointwise:
                groups = [(EndToEnd([p]), n) for group, n in groups for p in group.values]
            work += [(states, group, steps) for group, steps in groups]
        layouts = [group for _, group, _ in work]
        joined = [
            group.join([states.of_kind(gradients[p]) for p in group.values])
            for states, group, _ in work
        ]
        for (states, group, steps), gradient in zip(
            work, self._clipped(joined, layouts), strict=True
        ):
            olds = [new[x] if x in new else read_data(x) for x in states.arrays]
            taken = [states.layout.take(old, group) for old in olds]
            leaves = states.leaves(group)
            old = leaves.join([states.of_kind(read_data(x)) for x in leaves.values])
            parameter = self._decayed(old, states, group)
            data, *results = self._moved(parameter, gradient, steps, taken)
            if any([result is old for result in results for old in taken]):
                results = [x * 1 for x in results]  # copies: one may be another state's array
            for leaf, old, result in zip(states.arrays, olds, results, strict=True):
                new[leaf] = states.layout.put(old, group, result)
            moved |= leaves.split(data)
        store(new | in_buffers(moved))

    def _clipped(self, gradients: list[Any], layouts: Sequence[EndToEnd]) -> list[Any]:
        """Return gradients, end to end as the layouts say, in the size that the settings allow."""
        if self.clipvalue is not None:
            return [clipped_by_value(gradient, self.clipvalue) for gradient in gradients]
        if self.global_clipnorm is not None:
            return clipped_by_global_norm(gradients, self.global_clipnorm)
        if self.clipnorm is not None:
            limit, clipped = self.clipnorm, []
            for layout, gradient in zip(layouts, gradients, strict=True):
                several = len(layout.values) > 1
                pieces = [gradient[part] for part in layout.parts] if several else [gradient]
                clipped.append(layout.join([clipped_by_norm(piece, limit) for piece in pieces]))
            return clipped
        return gradients

    def _decayed(self, parameter: Any, states: States, group: EndToEnd) -> Any:
        """Return parameters after weight decay."""
        if self.weight_decay is None:
            return parameter
        part = self.learning_rate * self.weight_decay
        if states.decaying is None:
            return parameter * (1.0 - part)
        decaying = states.layout.take(read_data(states.decaying), group)
        return parameter * (1.0 - decaying * part)

    def _moved(self, parameter: Any, gradient: Any, steps: Any, states: Sequence[Any]) -> Any:
        """Return new parameters and states: by the rule, with the average as the last state."""
        if not self.use_ema:
            return self.rule(parameter, gradient, steps, *states)
        *own, average = states
        new, *results = self.rule(parameter, gradient, steps, *own)
        momentum = ops.where(steps > 1.0, self.ema_momentum, 0.0)
        average = average * momentum + new * (1.0 - momentum)
        if self.ema_overwrite_frequency is not None:
            is_due = (read_data(self._iterations) + 1.0) % self.ema_overwrite_frequency == 0.0
            new = ops.where(is_due, average, new)
        return new, *results, average

    def finalize_variable_values(self, var_list: Iterable[Value]) -> None:
        """Give parameters their averages, if there are any: at the end of training."""
        averages = {}
        for p in leaves_of(var_list) if self.use_ema else ():
            if p in self._states:
                states = self._states[p]
                average = states.layout.split(read_data(states.arrays[-1]))[p]
                averages[p] = ops.where(states.steps_taken(p) > 0.0, average, read_data(p))
        store(in_buffers(averages))

    def _warn(self, untrained: list[Value]) -> None:
        """Say once of each parameter that it has no gradient."""
        untrained = [p for p in untrained if p not in self._untrained]
        if untrained:
            self._untrained.update(untrained)
            names = ", ".join([f"{p.label or 'a parameter'} {p.shape}" for p in untrained])
            warnings.warn(
                f"the loss does not depend on {names}: no gradient, and not trained",
                stacklevel=package_depth() + 1,
            )

    def _states_of(self, parameters: Iterable[Value]) -> list[States]:
        """Return the states of these parameters; make those that there are not yet."""
        unknown: dict[Any, list[Value]] = {}
        for p in parameters:
            if p not in self._states:
                place = buffer_of(p)
                alone = not p.shape or (place is None and is_lent(p))
                unknown.setdefault(id(p) if alone else (p.dtype, id(place)), []).append(p)
        names = (*self.states, "average") if self.use_ema else self.states
        is_decaying = self._is_decaying if any(self._excluded) else None
        for together in unknown.values():
            with current().trace.set_up():
                self._states |= dict.fromkeys(together, States(together, names, is_decaying))
        return list(dict.fromkeys([self._states[p] for p in parameters]))

    @abstractmethod
    def rule(self, parameter: Any, gradient: Any, steps: Any, *states: Any) -> tuple[Any, ...]:
        """Return the new parameter, then the new states; ``steps`` counts from 1.

        A rule marked ``@pointwise`` gets several parameters in one array, end to end.
        """
