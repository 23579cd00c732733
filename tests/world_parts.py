"""A catalogue of what a function may read from the world around it, and of how that may change.

Each part is text: lines that set it up, an expression in ``x`` that reads it, and changes of it.
``$`` is the part's own number, so that a program may have a part twice.
"""

from dataclasses import dataclass
from textwrap import dedent


@dataclass(frozen=True)
class Part:
    """One thing in the world of a function.

    ``place``: whether it may stand in a module, in a closure, or in either. ``argument``: the name
    that is passed to the function, where it is an argument. ``refused``: whether a program may
    refuse it. ``changes_itself``: whether a call may change it. ``late``: the changes that no guard
    sees, so that they are noticed when the function is next recorded.
    """

    kind: str
    setup: str
    use: str
    changes: tuple[str, ...] = ()
    place: str = "either"
    argument: str = ""
    refused: bool = False
    changes_itself: bool = False
    late: tuple[str, ...] = ()


PARTS: list[Part] = []


def part(kind, setup, use, *changes, **options):
    texts = tuple([dedent(change).strip() for change in changes])
    PARTS.append(Part(kind, dedent(setup).strip(), use, texts, **options))


# --- Numbers, texts and flags by name -------------------------------------------------------------

part(
    "number",
    "k$ = 2.0",
    "x * k$",
    *("k$ = 5.0", "k$ = -0.5", "k$ = np.float32(3)", "k$ = 2", "k$ = np.array([1.0, 2.0, 3.0])"),
    *("k$ = True", "k$ = 2.0", "k$ = np.float64(0.1)", "k$ = float('nan')"),
)
part("integer", "n$ = 2", "x * 0.1 ** n$", "n$ = 3", "n$ = 2.0", "n$ = -1")
part("sign of zero", "z$ = 0.0", "x * np.copysign(2.0, z$)", "z$ = -0.0", "z$ = 0.0", "z$ = 0")
part("flag", "on$ = True", "(x if on$ else -x)", "on$ = not on$", "on$ = 1", "on$ = []")
part("text", "how$ = 'double'", "(x * 2 if how$ == 'double' else x + 1)", "how$ = 'one'")
part("None", "bias$ = None", "(x if bias$ is None else x + bias$)", "bias$ = 1.5", "bias$ = None")
part(
    "a global that was not there",
    "def late$(x):\n    try:\n        return x * LATE$\n    except NameError:\n        return x",
    "late$(x)",
    *("LATE$ = 3.0", "LATE$ = 4.0", "globals().pop('LATE$', None)"),
    place="module",
)
part(
    "a global that hides a builtin",
    "",
    "x * abs(-2.0) + len((1.0, 2.0))",
    *("abs = lambda q: 7.0", "globals().pop('abs', None)", "len = lambda q: 0.5"),
    "globals().pop('len', None)",
    place="module",
)
part(
    "a builtin that is replaced", "", "x * sum_of([1.0])", "sum_of = lambda q: 9.0", place="module"
)
part("a local name that is unset", "u$ = 2.0", "x * u$", "del u$", "u$ = 3.0", place="module")

# --- Attributes -----------------------------------------------------------------------------------

NEST = "NS(b=NS(c=NS(d=NS(e=NS(k=2.0)))))"
part(
    "attribute",
    "c$ = NS(k=2.0)",
    "x * c$.k",
    *(
        "c$.k = 5.0",
        "c$.k = -0.0",
        "c$ = NS(k=3.0)",
        "del c$.k",
        "c$.k = np.float32(2)",
        "c$.k = 2",
    ),
)
part(
    "deep attribute",
    f"a$ = {NEST}",
    "x * a$.b.c.d.e.k",
    *("a$.b.c.d.e.k = 5.0", "a$.b.c = NS(d=NS(e=NS(k=7.0)))", f"a$ = {NEST}"),
)
part(
    "attribute by a computed name",
    "c$ = NS(k1=2.0, k2=3.0)\nw$ = 1",
    "x * getattr(c$, f'k{w$}')",
    *("c$.k1 = 5.0", "w$ = 3 - w$"),
)
part(
    "whether there is an attribute",
    "c$ = NS()",
    "(x * 3.0 if hasattr(c$, 'k') else x)",
    *("c$.k = 1", "c$.__dict__.pop('k', None)"),
)
part(
    "attributes through vars",
    "c$ = NS(a=2.0, b=3.0)",
    "x * sum(vars(c$).values())",
    *("c$.a = 5.0", "c$.new = 1.0"),
)
part(
    "field in a slot",
    "class S$:\n    __slots__ = ('k',)\no$ = S$()\no$.k = 2.0",
    "x * o$.k",
    *("o$.k = 5.0", "del o$.k", "o$.k = 1.0"),
)
part(
    "hidden field of a property",
    """
    class P$:
        def __init__(self):
            self._k = 2.0
        @property
        def k(self):
            return self._k + 0.5
    o$ = P$()
    """,
    "x * o$.k",
    *("o$._k = 5.0", "P$.k = property(lambda self: 9.0)", "P$.k = 4.0"),
)
part(
    "field of a dataclass, a named tuple, an enum",
    """
    @dataclasses.dataclass
    class D$:
        k: float = 2.0
    d$ = D$()
    T$ = collections.namedtuple('T$', 'k j')
    t$ = T$(1.0, 2.0)
    E$ = enum.Enum('E$', 'one two')
    e$ = E$.one
    """,
    "x * d$.k * t$.j * (1.0 if e$ is E$.one else 3.0)",
    *("d$.k = 5.0", "t$ = t$._replace(j=5.0)", "e$ = E$.two", "d$ = D$(4.0)"),
)
part(
    "__getattr__",
    """
    class G$:
        def __init__(self):
            self.table = {'k': 2.0}
        def __getattr__(self, name):
            try:
                return vars(self)['table'][name]
            except KeyError:
                raise AttributeError(name) from None
    o$ = G$()
    """,
    "x * o$.k",
    *("o$.table['k'] = 5.0", "o$.table = {'k': 7.0}", "o$.k = 1.0", "G$.k = 3.0"),
    late=("G$.k = 3.0",),
)
part(
    "__getitem__, __len__, __call__, __iter__, __contains__, __bool__",
    """
    class M$:
        def __init__(self):
            self.k = 2.0
        def __getitem__(self, i):
            return self.k + i
        def __len__(self):
            return int(self.k)
        def __call__(self, x):
            return x * self.k
        def __iter__(self):
            return iter((self.k, 1.0))
        def __contains__(self, one):
            return one == self.k
        def __bool__(self):
            return self.k > 3
    o$ = M$()
    """,
    "o$(x) * o$[1] + len(o$) + sum(o$) + (2.0 in o$) + (1 if o$ else 0)",
    *("o$.k = 5.0", "M$.__getitem__ = lambda self, i: 0.5", "M$.__call__ = lambda self, x: x"),
    *("M$.__bool__ = lambda self: True", "M$.__len__ = lambda self: 7"),
)
part(
    "operators of the user's own class",
    """
    class Op$:
        def __init__(self):
            self.k = 2.0
        def __rmul__(self, x):
            return x + self.k
        def __add__(self, x):
            return x * self.k
    o$ = Op$()
    """,
    "x * o$ + (o$ + x)",
    *("o$.k = 5.0", "Op$.__add__ = lambda self, x: x"),
)
part(
    "class attribute",
    "class B$:\n    k = 2.0\nclass C$(B$):\n    pass\no$ = C$()",
    "x * o$.k",
    *("B$.k = 5.0", "C$.k = 7.0", "o$.k = 9.0", "B$.k = 1.0"),
)
part(
    "descriptor",
    """
    class Desc$:
        def __init__(self):
            self.k = 2.0
        def __get__(self, one, owner=None):
            return self.k
    desc$ = Desc$()
    class C$:
        k = desc$
    o$ = C$()
    """,
    "x * o$.k",
    *("desc$.k = 5.0", "Desc$.__get__ = lambda self, one, owner=None: 3.0"),
)
part(
    "metaclass",
    "class Meta$(type):\n    k = 2.0\nclass C$(metaclass=Meta$):\n    pass",
    "x * C$.k",
    *("Meta$.k = 5.0", "C$.k = 3.0"),
    late=("C$.k = 3.0",),
)

# --- Methods and functions ------------------------------------------------------------------------

part(
    "method of a class",
    """
    class C$:
        def act(self, x):
            return x * 2.0
    class D$(C$):
        pass
    class E$(C$):
        def act(self, x):
            return x * 11.0
    o$ = D$()
    """,
    "o$.act(x)",
    *("C$.act = lambda self, x: x * 5.0", "D$.act = lambda self, x: x * 6.0"),
    *("o$.act = lambda x: x * 7.0", "o$.__class__ = E$", "D$.__bases__ = (E$,)", "o$ = E$()"),
    "vars(o$).pop('act', None)",
)
part(
    "static and class methods",
    """
    class C$:
        k = 2.0
        @staticmethod
        def one(x):
            return x * 2.0
        @classmethod
        def two(cls, x):
            return x * cls.k
    """,
    "C$.one(x) + C$.two(x)",
    *("C$.k = 5.0", "C$.one = staticmethod(lambda x: x)"),
    "C$.two = classmethod(lambda cls, x: x * 3.0)",
)
part(
    "super()",
    """
    class B$:
        def act(self, x):
            return x * 2.0
    class C$(B$):
        def act(self, x):
            return super().act(x) + 1.0
    o$ = C$()
    """,
    "o$.act(x)",
    "B$.act = lambda self, x: x * 5.0",
)
HELPER = """
def h$(x, k=2.0, *, j=1.0):
    return x * k + j
def other$(x, k=3.0, *, j=2.0):
    return x * k - j
"""
part(
    "helper edited in place",
    HELPER,
    "h$(x)",
    *(
        "h$.__code__ = other$.__code__",
        "h$.__defaults__ = (5.0,)",
        "h$.__kwdefaults__ = {'j': 3.0}",
    ),
    *("h$ = other$", "h$.__kwdefaults__['j'] = 4.0", "h$.__defaults__ = ()"),
)
part(
    "helper of a helper",
    "k$ = 2.0\ndef g$(x):\n    return x * k$\ndef h$(x):\n    return g$(x) + 1.0",
    "h$(x)",
    *("k$ = 5.0", "g$ = lambda x: x", "h$.__code__ = (lambda x: x * 3.0).__code__"),
    place="module",
)
part(
    "closure of a helper",
    "def make$(k):\n    def h(x):\n        return x * k\n    return h\nh$ = make$(2.0)",
    "h$(x)",
    *("h$.__closure__[0].cell_contents = 5.0", "h$ = make$(6.0)"),
)
part("attribute of a function", HELPER + "h$.k = 2.0", "h$(x) * h$.k", "h$.k = 5.0")
part(
    "container as a default argument",
    "def h$(x, box=[2.0], table={'k': 3.0}):\n    return x * box[0] + table['k']",
    "h$(x)",
    *(
        "h$.__defaults__[0][0] = 5.0",
        "h$.__defaults__[1]['k'] = 5.0",
        "h$.__defaults__[0][:] = [7.0]",
    ),
)
part(
    "partial",
    HELPER + "p$ = functools.partial(h$, k=2.0)",
    "p$(x)",
    *(
        "p$.keywords['k'] = 5.0",
        "p$ = functools.partial(h$, k=7.0)",
        "h$.__kwdefaults__['j'] = 4.0",
    ),
)
part(
    "decorated helper",
    """
    def twice$(function):
        @functools.wraps(function)
        def wrapper(x):
            return function(function(x)) * twice$.k
        return wrapper
    twice$.k = 2.0
    @twice$
    def h$(x):
        return x + 1.0
    """,
    "h$(x)",
    *("twice$.k = 3.0", "h$.__wrapped__.__code__ = (lambda x: x - 1.0).__code__"),
)
part(
    "singledispatch",
    """
    @functools.singledispatch
    def h$(kind):
        return 2.0
    """,
    "x * h$(3)",
    "h$.register(int, lambda kind: 5.0)",
)
part(
    "functions in a table",
    "acts$ = {'a': lambda x: x * 2.0, 'b': lambda x: x + 3.0}\nact$ = 'a'",
    "acts$[act$](x)",
    *("act$ = 'b'", "acts$['a'] = lambda x: x * 5.0", "acts$['a'].__defaults__ = ()"),
)
part(
    "method as a name",
    """
    class C$:
        k = 2.0
        def act(self, x):
            return x * self.k
    o$ = C$()
    act$ = o$.act
    """,
    "act$(x)",
    *("o$.k = 5.0", "C$.act.__code__ = (lambda self, x: x * 7.0).__code__"),
)
part(
    "recursion",
    "depth$ = 2\ndef r$(x, n):\n    return x if n <= 0 else r$(x * 1.5, n - 1)",
    "r$(x, depth$)",
    "depth$ = 4",
    "depth$ = 0",
    place="module",
)

# --- Modules --------------------------------------------------------------------------------------

part(
    "attribute of a module",
    "m$ = types.ModuleType('m$')\nm$.scale = 2.0",
    "x * m$.scale",
    "m$.scale = 5.0",
)
part(
    "attribute of a submodule",
    "m$ = types.ModuleType('m$')\nm$.sub = types.ModuleType('m$.sub')\nm$.sub.scale = 2.0",
    "x * m$.sub.scale",
    *("m$.sub.scale = 5.0", "m$.sub = NS(scale=3.0)"),
)
part(
    "function of a module",
    """
    m$ = types.ModuleType('m$')
    exec('k = 2.0\\nbox = [1.0]\\ndef act(x):\\n    return x * k + box[0]', vars(m$))
    """,
    "m$.act(x)",
    *("m$.k = 5.0", "m$.box[0] = 4.0", "m$.act = lambda x: x"),
)

# --- Containers -----------------------------------------------------------------------------------

part(
    "list",
    "l$ = [1.0, 2.0, 3.0]",
    "x * l$[1] + sum(l$) * len(l$)",
    *("l$[1] = 5.0", "l$.append(4.0)", "l$.pop() if len(l$) > 2 else None", "l$.reverse()"),
    *("l$ = [3.0, 2.0, 1.0]", "l$ = (1.0, 2.0, 3.0)", "l$[0] = 1", "l$[2] = np.float32(3)"),
)
part(
    "kinds of numbers in a list",
    "l$ = [True, 1.0, 2.0, 0.0, 4.0]",
    "x * (10.0 if l$[0] is True else 1.0) + np.copysign(1.0, l$[3]) + isinstance(l$[1], float)",
    *("l$[0] = 1", "l$[0] = True", "l$[3] = -0.0", "l$[1] = 1", "l$[1] = 1.0"),
)
part(
    "long list",
    "l$ = [0.5] * 300",
    "x * sum(l$)",
    *("l$[250] = 3.0", "l$[3:5] = [1.0, 1.0]"),
)
part(
    "nested containers",
    "d$ = {'a': [1.0, {'b': (2.0, [3.0, 4.0])}]}",
    "x * d$['a'][1]['b'][1][0]",
    *(
        "d$['a'][1]['b'][1][0] = 5.0",
        "d$['a'][1]['b'] = (1.0, [7.0])",
        "d$['a'][1]['b'][1].insert(0, 2.0)",
    ),
)
part(
    "a list that contains itself",
    "l$ = [2.0]\nl$.append(l$)",
    "x * l$[1][1][0]",
    "l$[0] = 5.0",
)
part(
    "order of a dict",
    """
    d$ = {'scale': 2.0, 'shift': 3.0}
    def h$(x):
        for name, k in d$.items():
            x = x * k if name == 'scale' else x + k
        return x
    """,
    "h$(x)",
    *("d$['scale'] = d$.pop('scale')", "d$['shift'] = d$.pop('shift')", "d$['shift'] = 7.0"),
)
part(
    "dict",
    "d$ = {'k': 2.0}",
    "x * d$['k'] + d$.get('j', 0.5) + ('j' in d$) + len(d$)",
    *("d$['k'] = 5.0", "d$['j'] = 1.0", "d$.pop('j', None)", "d$ = {'k': 3.0}", "d$['k'] = True"),
)
part(
    "kinds of dict",
    """
    o$ = collections.OrderedDict(a=1.0, b=2.0)
    f$ = collections.defaultdict(lambda: 4.0, a=2.0)
    c$ = collections.Counter(a=2)
    h$ = collections.ChainMap({'a': 1.5}, {'b': 2.5})
    r$ = types.MappingProxyType({'a': 2.0})
    u$ = collections.UserDict(a=2.0)
    """,
    "x * next(iter(o$.values())) * f$['a'] * c$['a'] * h$['a'] * u$['a']",
    *("o$.move_to_end('a')", "f$['a'] = 3.0", "c$['a'] += 1", "h$['a'] = 3.0", "u$['a'] = 5.0"),
)
part(
    "attribute of a dict's key",
    """
    class Key$:
        k = 1.0
    key$ = Key$()
    key$.k = 2.0
    d$ = {key$: 1.0}
    """,
    "x * sum(q.k for q in d$)",
    *("key$.k = 5.0", "d$[Key$()] = 2.0"),
)
part(
    "set",
    "s$ = {1.0, 2.0}",
    "x * sum(s$) + len(s$)",
    "s$.add(3.0)",
    "s$.discard(2.0)",
    "s$ = {4.0}",
)
part("frozenset", "s$ = frozenset({1.0, 2.0})", "x * sum(s$)", "s$ = frozenset({1.0, 5.0})")
part(
    "deque",
    "q$ = collections.deque([2.0, 3.0], maxlen=3)",
    "x * q$[0] + sum(q$)",
    *("q$.append(9.0)", "q$.rotate()", "q$[0] = 1.0"),
)
part(
    "attributes of objects in a list",
    "l$ = [NS(k=2.0), NS(k=3.0)]",
    "x * sum(o.k for o in l$)",
    *("l$[1].k = 5.0", "l$.reverse()", "l$.append(NS(k=1.0))", "l$[0] = NS(k=4.0)"),
)
part(
    "subclass of list and dict",
    """
    class L$(list):
        k = 2.0
    class D$(dict):
        def __missing__(self, key):
            return self.k
    l$, d$ = L$([1.0, 2.0]), D$(a=1.0)
    d$.k = 3.0
    """,
    "x * l$.k * l$[1] + d$['a'] * d$['b']",
    *("l$.k = 5.0", "l$[1] = 4.0", "d$.k = 7.0", "d$['b'] = 0.5"),
)
part(
    "numbers in an array of Python's, a bytearray",
    "a$, b$ = array.array('d', [1.0, 2.0]), bytearray(b'abc')",
    "x * a$[0] + b$[0]",
    *("a$[0] = 5.0", "b$[0] = 7"),
)

# --- Arrays ---------------------------------------------------------------------------------------

part(
    "array",
    "a$ = np.array([1.0, 2.0, 3.0])",
    "x * a$",
    *("a$[0] = 9.0", "a$ *= 2", "a$ = np.array([3.0, 2.0, 1.0])", "a$ = a$.astype(np.float32)"),
    *("a$ = a$[::-1]", "a$ = np.array(2.0)", "a$[...] = np.nan", "a$ = np.array([1, 2, 3])"),
    *("a$ = np.array([True, False, True])", "a$ = a$.astype('>f8')", "a$ = [1.0, 2.0, 3.0]"),
)
part(
    "large array",
    "a$ = np.arange(30000.0) / 1e4",
    "x * a$[20000] + np.sum(a$[:9])",
    *("a$[20000] = 9.0", "a$[3] = -0.0", "a$ = a$ * 2", "a$[:] = 1.0"),
    late=("a$[20000] = 9.0", "a$[3] = -0.0", "a$[:] = 1.0"),
)
part(
    "large array, whole",
    "a$ = np.arange(30000.0) / 1e4",
    "np.sum(np.square(x * a$))",
    *("a$[20000] = 9.0", "a$ = a$ * 2", "a$[:] = 1.0"),
)
part(
    "sign of zero in an array",
    "a$ = np.array([0.0, 1.0, 2.0])",
    "x * np.copysign(2.0, a$)",
    *("a$[0] = -0.0", "a$[0] = 0.0"),
)
part(
    "view of an array",
    "base$ = np.arange(6.0)\nview$ = base$[::2]",
    "x * view$",
    *("base$[0] = 7.0", "base$ = np.zeros(6)", "view$ = base$[3:]", "view$[1] = 4.0"),
)
part(
    "indices and masks",
    "i$, m$ = np.array([2, 0, 1]), np.array([True, False, True])",
    "(x + np.zeros(3))[..., i$] + np.sum((x + np.zeros(3))[..., m$])",
    *("i$[0] = 1", "m$[1] = True", "i$ = np.array([0, 0])", "m$ = [0, 1, 2]", "i$ = np.array([1])"),
)
part(
    "list as an index",
    "pick$ = [True, False, True]",
    "np.sum((x + np.array([1.0, 2.0, 4.0]))[..., pick$])",
    *("pick$ = [1, 0, 1]", "pick$[1] = True", "pick$ = (0,)", "pick$ = slice(0, 2)"),
)
part(
    "lengths, axes, shapes",
    "n$, axis$, shape$ = 3, -1, (3,)",
    "np.sum((x + np.zeros(n$)), axis=axis$, keepdims=True) * np.ones(shape$)",
    *("n$ = 1", "axis$ = None", "axis$ = 0", "shape$ = (1, 3)", "shape$ = 3"),
)
part(
    "scalar arrays and NumPy's numbers",
    "a$, k$ = np.array(2.0), np.float32(0.1)",
    "x * a$ + k$",
    *("a$[...] = 3.0", "k$ = np.float64(0.1)", "k$ = 0.1", "a$[()] = -0.0"),
)
part(
    "fields of a structured array",
    "r$ = np.zeros(3, [('k', float), ('j', int)])\nr$['k'] = 2.0",
    "x * r$['k']",
    *("r$['k'][0] = 5.0", "r$[1] = (4.0, 1)"),
)
part(
    "data that change hands",
    "a$ = np.array([1.0, 2.0, 3.0])\nl$ = [a$, a$]",
    "x * l$[0] - l$[1]",
    *("l$[0] = a$.copy()", "l$[1][0] = 5.0", "a$[1] = 7.0"),
)

# --- Behind weak references, threads, contexts ----------------------------------------------------

part(
    "field behind a weak reference",
    "class W$:\n    k = 1.0\no$ = W$()\no$.k = 2.0\nr$ = weakref.ref(o$)",
    "x * r$().k",
    *("o$.k = 5.0", "W$.k = 3.0"),
)
part(
    "field behind a proxy, a weak dict",
    """
    class W$:
        k = 1.0
    o$ = W$()
    o$.k = 2.0
    p$, d$ = weakref.proxy(o$), weakref.WeakValueDictionary(a=o$)
    """,
    "x * p$.k + d$['a'].k",
    "o$.k = 5.0",
)
part("thread's own", "t$ = threading.local()\nt$.k = 2.0", "x * t$.k", "t$.k = 5.0", "del t$.k")
part(
    "context variable",
    "v$ = contextvars.ContextVar('v$', default=2.0)",
    "x * v$.get()",
    *("v$.set(5.0)", "v$.set(2.0)"),
)
part(
    "environment",
    "os.environ['K$'] = '2.0'",
    "x * float(os.environ['K$'])",
    "os.environ['K$'] = '5.0'",
    late=("os.environ['K$'] = '5.0'",),
)
part(
    "behind a cache",
    "b$ = [2.0]\n@functools.cache\ndef h$():\n    return b$[0]",
    "x * h$()",
    *("b$[0] += 1.0; h$.cache_clear()", "h$.cache_clear()"),
    late=("b$[0] += 1.0; h$.cache_clear()",),
)
part(
    "behind attrgetter, itemgetter, methodcaller",
    """
    c$, l$ = NS(k=2.0, act=lambda x: x * 3.0), [1.0, 2.0]
    """,
    "x * operator.attrgetter('k')(c$) + operator.itemgetter(1)(l$)"
    " + operator.methodcaller('act', 2.0)(c$)",
    *("c$.k = 5.0", "l$[1] = 7.0", "c$.act = lambda x: 9.0"),
)
part(
    "through map, sorted with a key, reduce",
    "l$, k$ = [3.0, 1.0, 2.0], [1.0]",
    "x * sorted(l$, key=lambda q: q * k$[0])[0] + sum(map(lambda q: q + k$[0], l$))"
    " + functools.reduce(operator.mul, l$)",
    *("k$[0] = -1.0", "l$[1] = 0.5", "l$.append(0.25)"),
)

# --- What a function changes itself ---------------------------------------------------------------

SELF = {"changes_itself": True}
part("iterator of a list", "i$ = iter([1.0, 2.0, 3.0] * 30)", "x * next(i$)", **SELF)
part("counter", "i$ = itertools.count(1)", "x * next(i$)", "i$ = itertools.count(10)", **SELF)
part("cycle", "i$ = itertools.cycle([1.0, 2.0, 3.0])", "x * next(i$)", **SELF)
part("iterator with repetition", "i$ = itertools.cycle([1.0] * 5 + [3.0])", "x * next(i$)", **SELF)
part("iterator that ends", "i$ = iter([1.0, 2.0, 3.0, 4.0])", "x * next(i$, 7.0)", **SELF)
part(
    "constant iterator",
    "i$ = itertools.repeat(2.0)",
    "x * next(i$)",
    "i$ = itertools.repeat(3.0)",
    **SELF,
)
part(
    "generator",
    "def g$():\n    k = 1.0\n    while True:\n        k = k * 1.5\n        yield k\ni$ = g$()",
    "x * next(i$)",
    "i$ = g$()",
    **SELF,
)
part(
    "reader of a text",
    "t$ = io.StringIO('1.5\\n2.5\\n' * 40)",
    "x * float(t$.readline() or 1.0)",
    "t$.seek(0)",
    **SELF,
)
part("enumeration of arrays", "i$ = iter(np.arange(300.0).reshape(100, 3))", "x * next(i$)", **SELF)
part(
    "generator of random numbers",
    "r$ = random.Random(0)",
    "x * r$.random()",
    "r$.seed(3)",
    refused=True,
    **SELF,
)
part(
    "method of a random generator",
    "draw$ = random.Random(0).random",
    "x * draw$()",
    refused=True,
    **SELF,
)
part(
    "NumPy's random generator",
    "r$ = np.random.default_rng(0)",
    "x * r$.uniform(size=3)",
    refused=True,
    **SELF,
)
part("NumPy's global random state", "", "x * np.random.uniform()", refused=True, **SELF)
part(
    "flag that is turned",
    "c$ = NS(on=False)\ndef h$(x):\n    c$.on = not c$.on\n    return x if c$.on else -x",
    "h$(x)",
    "c$.on = True",
    **SELF,
)
part(
    "count",
    "c$ = NS(i=0)\ndef h$(x):\n    c$.i = (c$.i + 1) % 3\n    return x * (1.0, 10.0, 100.0)[c$.i]",
    "h$(x)",
    "c$.i = 0",
    **SELF,
)
part(
    "count of calls",
    "n$ = [0]\ndef h$(x):\n    n$[0] += 1\n    return x",
    "h$(x)",
    "n$[0] = 0",
    **SELF,
)
part(
    "global count of calls",
    "n$ = 0\ndef h$(x):\n    global n$\n    n$ += 1\n    return x",
    "h$(x)",
    "n$ = 0",
    place="module",
    **SELF,
)
part(
    "count that matters rarely",
    "n$ = [0]\ndef h$(x):\n    n$[0] += 1\n    return x * (3.0 if n$[0] % 7 == 6 else 1.0)",
    "h$(x)",
    **SELF,
)
part(
    "list that is turned round",
    "l$ = [1.0, 2.0, 3.0]\ndef h$(x):\n    l$.append(l$.pop(0))\n    return x * l$[0]",
    "h$(x)",
    **SELF,
)
part(
    "list that grows",
    "l$ = []\ndef h$(x):\n    l$.append(1.0)\n    return x",
    "h$(x)",
    "l$.clear()",
    **SELF,
)
part(
    "array that is changed in place",
    "a$ = np.ones(3)\ndef h$(x):\n    a$[...] = -a$\n    return x * a$",
    "h$(x)",
    "a$[1] = 3.0",
    **SELF,
)
part(
    "array that is scaled in place",
    "a$ = np.ones(3)\ndef h$(x):\n    np.multiply(a$, 1.5, out=a$)\n    return x * a$",
    "h$(x)",
    **SELF,
)
part(
    "memo",
    "m$ = {}\ndef h$(x):\n    if 'k' not in m$:\n        m$['k'] = 2.0\n    return x * m$['k']",
    "h$(x)",
    *("m$.clear()", "m$['k'] = 3.0"),
    **SELF,
)
part(
    "attribute made when it is first asked for",
    "c$ = NS()\ndef h$(x):\n    if not hasattr(c$, 'k'):\n        c$.k = 2.0\n    return x * c$.k",
    "h$(x)",
    *("c$.k = 5.0", "vars(c$).clear()"),
    **SELF,
)
part(
    "cached property",
    """
    class C$:
        def __init__(self):
            self.j = 2.0
        @functools.cached_property
        def k(self):
            return self.j * 2.0
    o$ = C$()
    """,
    "x * o$.k",
    *("o$.j = 5.0; vars(o$).pop('k', None)", "o$.k = 3.0"),
    **SELF,
)
part(
    "schedule",
    """
    class Schedule$:
        t = 0
        def rate(self):
            self.t += 1
            return 0.1 / self.t
    o$ = Schedule$()
    """,
    "x * o$.rate()",
    "o$.t = 0",
    **SELF,
)
part(
    "something else at each call, and back",
    "s$ = [1.0]\ndef h$(x):\n    s$[0] = 2.0\n    y = x * s$[0]\n    s$[0] = 1.0\n    return y",
    "h$(x)",
    "s$[0] = 5.0",
    **SELF,
)

# --- Arguments that hold more than numbers --------------------------------------------------------

part(
    "list as an argument",
    "b$ = [2.0, 3.0]",
    "x * sum(b$)",
    "b$[0] = 5.0",
    "b$.append(1.0)",
    "b$ = (2.0, 3.0)",
    argument="b$",
)
part(
    "dict as an argument",
    "b$ = {'k': 2.0, 'j': 3.0}",
    "x * b$['k'] + next(iter(b$.values()))",
    "b$['k'] = 5.0",
    "b$['k'] = b$.pop('k')",
    "b$['k'] = 2",
    argument="b$",
)
part(
    "set as an argument",
    "b$ = {2.0}",
    "x * len(b$) + sum(b$)",
    "b$.add(3.0)",
    "b$.add(7.0)",
    argument="b$",
)
part(
    "deque as an argument",
    "b$ = collections.deque([2.0, 3.0], maxlen=2)",
    "x * sum(b$)",
    "b$.append(9.0)",
    argument="b$",
)
part(
    "object as an argument",
    "b$ = NS(k=2.0, l=[1.0], d=NS(k=3.0))",
    "x * b$.k * b$.l[0] * b$.d.k",
    "b$.k = 5.0",
    "b$.l[0] = 4.0",
    "b$.d.k = 7.0",
    "b$ = NS(k=1.0, l=[1.0], d=NS(k=3.0))",
    argument="b$",
)
part(
    "integer as an argument",
    "b$ = 2",
    "x * b$",
    "b$ = 3",
    "b$ = True",
    "b$ = 2.0",
    "b$ = 2",
    "b$ = 10**20",
    argument="b$",
)
part("text as an argument", "b$ = 'two'", "x * len(b$)", "b$ = 'three'", argument="b$")
part(
    "subclass of str and of float as an argument",
    """
    class Text$(str):
        pass
    b$ = Text$('a')
    b$.k = 2.0
    new$ = Text$('a')
    new$.k = 5.0
    """,
    "x * b$.k",
    *("b$, new$ = new$, b$", "b$.k = 7.0"),
    argument="b$",
)
part(
    "function as an argument",
    "k$ = 2.0\nb$ = lambda x: x * k$",
    "b$(x)",
    "k$ = 5.0",
    "b$ = lambda x: x + 1.0",
    "b$.__code__ = (lambda x: x * 3.0).__code__ if not b$.__closure__ else b$.__code__",
    argument="b$",
)
part("iterator as an argument", "b$ = itertools.count(1)", "x * next(b$)", argument="b$", **SELF)
part(
    "array as an argument",
    "b$ = np.array([1.0, 2.0, 3.0])",
    "x * b$",
    "b$[0] = 5.0",
    "b$ = b$.astype(np.float32)",
    "b$ = b$[::-1]",
    "b$ = np.asfortranarray(b$)",
    "b$ = b$ > 1.5",
    "b$ = np.array([1, 2, 3])",
    "b$ = np.array(2.0)",
    argument="b$",
)
part(
    "integers as an argument",
    "b$ = np.array([2, 0, 1])",
    "(x + np.array([1.0, 2.0, 4.0]))[..., b$]",
    "b$[0] = 1",
    "b$ = np.array([0, 0])",
    "b$ = b$ == 1",
    argument="b$",
    refused=True,  # in an array that is plain: Value(array, constant=True)[b] is recorded
)
part(
    "Value as an argument",
    "b$ = Value([1.0, 2.0, 3.0])",
    "x * b$",
    "b$.data = [3.0, 2.0, 1.0]",
    "b$ = Value(2.0)",
    "b$.constant = True",
    "b$.constant = False",
    "b$ = Value([5.0, 6.0, 7.0])",
    "b$.grad = None",
    argument="b$",
)
part(
    "list of Values as an argument",
    "b$ = [Value(2.0), Value(3.0)]",
    "x * b$[0] - b$[1]",
    "b$.reverse()",
    "b$[0] = b$[1]",
    "b$[1] = Value(5.0)",
    "b$[1] = 4.0",
    argument="b$",
)

# --- Values and optimizers ------------------------------------------------------------------------

part(
    "Values in a dict",
    "p$ = {'w': Value(0.5, 'w$'), 'b': Value(0.25)}",
    "x * p$['w'] + p$['b']",
    *(
        "p$['w'].data = 0.75",
        "p$['b'] = Value(1.5)",
        "p$['w'].constant = True",
        "p$['w'].grad = None",
    ),
    *("p$['w'].constant = False", "p$['w'], p$['b'] = p$['b'], p$['w']", "p$['w'] = 2.0"),
)
part(
    "Value with an array",
    "v$ = Value(np.array([0.5, -0.5, 0.25]))",
    "x * v$",
    *("v$.data = [1.0, 2.0, 3.0]", "v$.data[0] = 7.0", "v$ = Value(np.array([1.0, 1.0, 2.0]))"),
    *("v$ = Value(np.float32([1, 1, 2]))", "v$.data = v$.data * 2", "v$.constant = True"),
    *("v$.data = [1.0, 2.0]", "v$.grad = None", "v$ = 0.5", "v$ = Value(0.5)"),
)
part(
    "Values as attributes",
    """
    class Layer$:
        def __init__(self):
            self.w, self.b = Value(0.5), Value([0.1, 0.2, 0.3])
        def __call__(self, x):
            return np.tanh(x * self.w + self.b)
    o$ = Layer$()
    """,
    "o$(x)",
    *("o$.w = Value(0.75)", "o$.b.data = [0.3, 0.2, 0.1]", "o$.w, o$.b = o$.b, o$.w"),
    "Layer$.__call__ = lambda self, x: x * self.w",
)
part(
    "step of an optimizer of its own",
    """
    q$, opt$ = Value([0.5, 0.25, 0.125]), SGD(0.1, 0.5)
    def h$(x):
        q$.grad = None
        loss = np.sum(q$ * q$)
        loss.backward()
        opt$.apply([q$])
        return x + loss
    """,
    "h$(x)",
    *(
        "opt$.learning_rate = 0.01",
        "q$.data = [1.0, 2.0, 3.0]",
        "opt$.momentum = 0.9",
        "opt$ = SGD(0.2)",
    ),
    "opt$.reset()",
    **SELF,
)

# --- What a program may refuse --------------------------------------------------------------------

part(
    "log of numbers",
    "l$ = []\ndef h$(x):\n    l$.append(x * 2)\n    return x",
    "h$(x)",
    refused=True,
    **SELF,
)
part(
    "last number in an attribute",
    "c$ = NS()\ndef h$(x):\n    c$.last = x * 2\n    return x",
    "h$(x)",
    refused=True,
    **SELF,
)
part(
    "last number in a dict",
    "d$ = {}\ndef h$(x):\n    d$['last'] = x * 2\n    return x",
    "h$(x)",
    refused=True,
    **SELF,
)
part(
    "running mean",
    "c$ = NS(m=0.0)\ndef h$(x):\n    c$.m = c$.m * 0.9 + x * 0.1\n    return x - c$.m",
    "h$(x)",
    refused=True,
    **SELF,
)
part("number taken out", "", "x * float(np.sum(x))", refused=True)
part("number in a text", "", "x * len(f'{np.sum(x):.3f}')", refused=True)
part("math", "", "x + math.exp(-abs(float(np.mean(x))))", refused=True)
part("data of a Value", "v$ = Value(0.5)", "x * v$.data", "v$.data = 0.7", refused=True)
part(
    "data of a Value that is set",
    "v$ = Value(0.5)\ndef h$(x):\n    v$.data = v$.data * 1.5\n    return x * v$",
    "h$(x)",
    "v$.data = 0.7",
    refused=True,
    **SELF,
)
part(
    "elements that are set",
    "def h$(x):\n    y = x + np.zeros(3)\n    y[..., 0] = 1.0\n    return y",
    "h$(x)",
    refused=True,
)
part(
    "array in place",
    "def h$(x):\n    y = x + np.zeros(3)\n    y += 1.0\n    return y",
    "h$(x)",
    refused=True,
)
part("list of an array", "", "x * np.asarray((x + np.zeros(3)).tolist())", refused=True)
part(
    "subclass of an array",
    "class A$(np.ndarray):\n    pass\na$ = np.ones(3).view(A$)",
    "x * a$",
    "a$[0] = 2.0",
    refused=True,
)
part(
    "masked array",
    "a$ = np.ma.array([1.0, 2.0, 3.0], mask=[0, 1, 0])",
    "np.sum(x * a$)",
    "a$.mask = [1, 0, 0]",
    refused=True,
)
part(
    "graph made outside",
    "v$ = Value(0.5)\ny$ = v$ * 2.0",
    "x * y$",
    "v$.grad = None",
    "y$ = v$ * 3.0",
    refused=True,
)
