"""Objects of one kind by Keras's names: what ``losses.get`` and its like are told."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic, Self, TypeVar

T = TypeVar("T")


class Configurable:
    """Base class of objects whose attributes are the arguments that made them."""

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal object."""
        given = vars(self)
        config: dict[str, Any] = {}
        for name, parameter in inspect.signature(type(self)).parameters.items():
            if name in given:
                further = parameter.kind is parameter.VAR_KEYWORD
                config |= given[name] if further else {name: given[name]}
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Return the object with the arguments that ``get_config`` returned."""
        return cls(**config)

    def __repr__(self) -> str:
        settings = ", ".join(f"{name}={value!r}" for name, value in self.get_config().items())
        return f"{type(self).__name__}({settings})"


def snake_case(name: str) -> str:
    """Return a class's name as Keras writes it in a string: "L2", "l2"; "HeNormal", "he_normal"."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z0-9])(?=[A-Z][a-z])", "_", name).lower()


def arguments_of(kind: type) -> set[str]:
    """Return the names of the arguments of a class, and of the classes that it derives from."""
    own = [vars(each).get("__init__") for each in kind.__mro__]
    return {name for init in own if inspect.isfunction(init) for name in _names_of(init)}


def _names_of(function: Any) -> Iterable[str]:
    return inspect.signature(function).parameters


class Registry(Generic[T]):
    """Table of the classes of one kind, from which their names derive.

    Parameters
    ----------
    kind
        What an object is called in messages: "loss".
    base
        The class of all objects, a user's own included.
    classes
        The package's classes. Each is known by its name, and by that in snake case.
    aliases
        Further names of some classes.
    """

    def __init__(
        self,
        kind: str,
        base: type[T],
        classes: Iterable[type[T]],
        aliases: Mapping[str, type[T]],
    ) -> None:
        self.kind, self.base = kind, base
        self.classes = {known.__name__: known for known in classes}
        in_snake_case = {snake_case(name): known for name, known in self.classes.items()}
        self.by_name = {**in_snake_case, **aliases, **self.classes}

    def get(self, identifier: Any, of_function: Callable[[Any], T] | None = None) -> T:
        """Return the object for a name, a class, a configuration, an object, or a function.

        Parameters
        ----------
        identifier
            A name such as "mse", a class, ``{"class_name": ..., "config": {...}}`` as ``serialize``
            makes it, or an object, which is returned as it is.
        of_function
            Makes an object of a function; without it functions are refused.

        Raises
        ------
        ValueError
            For a name that is not known, and for anything else.
        """
        if isinstance(identifier, str):
            return self._known(identifier)()
        if isinstance(identifier, Mapping) and "class_name" in identifier:
            return self.deserialize(identifier)
        if isinstance(identifier, type) and issubclass(identifier, self.base):
            return identifier()
        if isinstance(identifier, self.base):
            return identifier
        if callable(identifier) and of_function and not isinstance(identifier, type):
            return of_function(identifier)
        raise ValueError(
            f"{self.kind} should be a name, an object of {self.base.__name__}"
            f"{' or a function' if of_function else ''}, got {identifier!r}"
        )

    def _known(self, name: str) -> type[T]:
        if name not in self.by_name:
            known = ", ".join(sorted([name for name in self.by_name if name.islower()]))
            raise ValueError(f"unknown {self.kind} {name!r}; known are {known}")
        return self.by_name[name]

    def serialize(self, thing: Any) -> dict[str, Any]:
        """Return the class's name and the configuration of an object, as plain data."""
        return {"class_name": type(thing).__name__, "config": thing.get_config()}

    def deserialize(self, config: Mapping[str, Any]) -> T:
        """Return the object that ``serialize`` described."""
        made: T = self._known(config["class_name"])(**config.get("config", {}))
        return made
