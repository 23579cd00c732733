"""The names that a function's code reads."""

from __future__ import annotations

import dis
from functools import lru_cache
from types import CodeType
from typing import NamedTuple

_COMPUTED = {
    "getattr",
    "hasattr",
    "vars",
    "__dict__",
    "attrgetter",
    "methodcaller",
    "__getattribute__",
}
_ANY_GLOBAL = {"globals", "eval", "exec", "locals"}


class Names(NamedTuple):
    """The names in one code object, without those of the functions defined in it.

    Attributes
    ----------
    globals, attributes
        The names of globals and builtins, and of attributes that are read, set or deleted.
    probed
        The names of attributes that it may do without.
    modules
        The modules that it imports.
    is_computed
        Whether names of attributes may be computed, as by ``getattr(x, name)``.
    is_any_global
        Whether any global may be read, as by ``globals()[name]``.
    """

    globals: frozenset[str]
    attributes: frozenset[str]
    probed: frozenset[str]
    modules: frozenset[str]
    is_computed: bool
    is_any_global: bool


@lru_cache(maxsize=4096)
def names_in(code: CodeType) -> Names:
    """Return the names in a code object."""
    global_names, attributes, modules = set(), set(), set()
    for instruction in dis.get_instructions(code):
        kind = instruction.opname
        if kind in ("LOAD_GLOBAL", "LOAD_NAME", "STORE_GLOBAL", "DELETE_GLOBAL"):
            global_names.add(str(instruction.argval))
        elif "ATTR" in kind or kind in ("LOAD_METHOD", "IMPORT_FROM"):
            attributes.add(str(instruction.argval))
        elif kind == "IMPORT_NAME":
            modules.add(str(instruction.argval))
    texts = {x for x in code.co_consts if isinstance(x, str) and x.isidentifier()}
    mentioned = global_names | attributes
    probed = texts if mentioned & {"getattr", "hasattr"} else set()
    if "AttributeError" in global_names:
        probed = probed | attributes
    attributes |= texts  # getattr(x, "scale")
    return Names(
        frozenset(global_names),
        frozenset(attributes),
        frozenset(probed),
        frozenset(modules),
        bool(mentioned & _COMPUTED),
        bool(mentioned & _ANY_GLOBAL),
    )
