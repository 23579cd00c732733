"""HTML from plain functions: text is escaped, unless it is marked as HTML."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from importlib.resources import files

from tinygrad_hw.formatting.numbers import number


class Html(str):
    """A string of markup, which goes into a page unchanged; any other string is escaped."""

    __slots__ = ()


Attribute = str | int | None
NOTHING = Html("")
NO_BREAK = "\u00a0"


def ink_and_paper() -> Html:
    """Return the style sheet of the colors and fonts that the pages share, in light and in dark."""
    return Html((files(__package__) / "paper.css").read_text("utf-8"))


def element(tag: str, *children: str, **attributes: Attribute) -> Html:
    """Build an element.

    Parameters
    ----------
    children
        The content: text, which is escaped, or Html.
    attributes
        The attributes; ``class_`` is written class, ``aria_label`` aria-label. An attribute that is
        None is left out.
    """
    attribute_text = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{html.escape(str(value))}"'
        for name, value in attributes.items()
        if value is not None
    )
    return Html(f"<{tag}{attribute_text}>{join(children)}</{tag}>")


def join(parts: Iterable[str], between: str = "") -> Html:
    """Join pieces of HTML, escaping those that are text."""
    return Html(escaped(between).join(escaped(part) for part in parts))


def escaped(text: str) -> Html:
    """Escape text; return Html unchanged. A percent sign stays on the line of its number."""
    return text if isinstance(text, Html) else Html(html.escape(text).replace(" %", f"{NO_BREAK}%"))


def paragraph(*children: str, class_: str | None = None) -> Html:
    """Build a paragraph."""
    return element("p", *children, class_=class_)


def section(anchor: str, level: int, title: str, *children: str) -> Html:
    """Build a section under its heading, which can be linked to; one of level 2 is a landmark."""
    heading = element(f"h{level}", title, id=anchor)
    return element("section", heading, *children, aria_labelledby=anchor if level == 2 else None)


def link(anchor: str, text: str) -> Html:
    """Build a link within the page."""
    return element("a", text, href=f"#{anchor}")


def bullets(items: Iterable[str], class_: str | None = None) -> Html:
    """Build a list; nothing if there are no items."""
    points = [element("li", item) for item in items]
    return element("ul", *points, class_=class_) if points else NOTHING


# --- Numbers and names ----------------------------------------------------------------------------

_NUMBER = re.compile(r"([+-]?)(\d[\d,]*(?:\.\d*)?|\.\d+)(?:[eE]([+-]?\d+))?([…%]?)")
_NAME = re.compile(r"([A-Za-z]+?)(\d*)((?:_[A-Za-z]*\d+|_[A-Za-z]+){0,3})")
_GREEK = {
    **{"alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "eta": "η"},
    **{"theta": "θ", "kappa": "κ", "lambda": "λ", "mu": "μ", "rho": "ρ", "sigma": "σ", "tau": "τ"},
    **{"phi": "φ", "psi": "ψ", "omega": "ω"},
}


def figure(text: str, class_: str = "") -> Html:
    """Typeset a number with a true minus sign and its power of ten; its text stays as its value.

    >>> figure("-6.403e-07")
    '<data class="n neg" value="-6.403e-07">−6.403×10<sup>−7</sup></data>'
    """
    if not text:
        return element("span", "–", class_="none")
    parts = _NUMBER.fullmatch(text)
    if parts is None:
        return escaped(text)
    sign, digits, exponent, tail = parts.groups()
    power = NOTHING
    if exponent is not None:
        power = join(["×10", element("sup", _minus(str(int(exponent))))])
    classes = " ".join(["n", *(["neg"] if sign else []), *([class_] if class_ else [])])
    return element("data", _minus(sign) + digits, power, tail, class_=classes, value=text)


def rounded_figure(x: float, figures: int = 4) -> Html:
    """Typeset a number rounded to some significant figures."""
    return figure(number(x, figures))


def signed(x: float, figures: int = 2) -> Html:
    """Typeset a difference with its sign, plus or minus."""
    text = number(x, figures)
    return figure(text if text.startswith("-") or text == "0" else f"+{text}")


def count(n: int) -> str:
    """Write a count with commas between the thousands."""
    return f"{n:,}"


def counted(n: int, noun: str) -> str:
    """Write a count with its noun.

    >>> counted(1, "error"), counted(2, "error")
    ('1 error', '2 errors')
    """
    return f"{count(n)} {noun}" if n == 1 else f"{count(n)} {noun}s"


def listed(names: Sequence[str]) -> str:
    """Write names as in "a, b and c"."""
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def _minus(text: str) -> str:
    return text.replace("-", "−")


def letter_and_subscript(name: str) -> tuple[str, str] | None:
    """Split a name such as w7, alpha or out_h1 into letters and subscript; None for any other name.

    >>> [letter_and_subscript(name) for name in ("w7", "lambda_", "W1_23", "w7b")]
    [('w', '7'), ('λ', ''), ('W', '1,23'), None]
    """
    parts = _NAME.fullmatch("lambda" if name == "lambda_" else name)  # a word of Python's own
    if parts is None:
        return None
    subscript = ",".join(filter(None, [parts[2], *parts[3].split("_")]))
    return _GREEK.get(parts[1], parts[1]), subscript


def symbol(name: str) -> Html:
    """Typeset a name: w7 in italics with its number as a subscript, a word upright."""
    parts = letter_and_subscript(name)
    if parts is None:
        return escaped(name)
    letter, subscript = parts
    base = element("var", letter) if len(letter) == 1 else escaped(letter)
    return join([base, element("sub", subscript)]) if subscript else base


def partial(name: str) -> Html:
    """Typeset "dE/dw7" in a line of text."""
    above, _, below = name.partition("/")
    if not (above.startswith("d") and below.startswith("d")):
        return escaped(name)
    return element("span", "d", symbol(above[1:]), "/d", symbol(below[1:]), class_="slope")


def prose(text: str) -> Html:
    """Escape a text and typeset the names, partials and numbers in its backquotes.

    No line is broken within a pair of backquotes.

    >>> prose("`E` & so on")
    '<var>E</var> &amp; so on'
    """
    parts = text.split("`")
    return join(
        join(map(_typeset_word, part.split(" ")), NO_BREAK) if i % 2 else part
        for i, part in enumerate(parts)
    )


def _typeset_word(word: str) -> Html:
    if _NUMBER.fullmatch(word):
        return figure(word)
    if word[0] == "^":
        return element("sup", word[1:])
    return partial(word) if "/" in word else symbol(word)


# Of a formula: a number, a name, a sign with the blanks around it, or whatever else there is.
_TOKEN = re.compile(
    r"(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[^\W\d]\w*|\s*(?:\*\*?|\^)\s*|.", re.DOTALL
)


def typeset(text: str) -> Html:
    """Escape a sentence; typeset the partials, powers, names like w7 and numbers found in it.

    >>> typeset("dE/db4 was <not> 3.1e-4.")
    '<span class="slope">d<var>E</var>/d<var>b</var><sub>4</sub></span> was &lt;not&gt; \
<data class="n" value="3.1e-4">3.1×10<sup>−4</sup></data>.'
    >>> typeset("out_h1 and W_12")
    'out<sub>h1</sub> and <var>W</var><sub>12</sub>'
    >>> typeset("(y - a3)^2.")
    '(y − <var>a</var><sub>3</sub>)<sup>2</sup>.'
    """
    parts = _IN_TEXT.split(text.replace(" - ", " − "))
    return join(_typeset_word(part) if i % 2 else part for i, part in enumerate(parts))


_NAME_IN_TEXT = r"[A-Za-z]+(?:\d+|\d*(?:_[A-Za-z]*\d+)+)"  # with a number: no common word
_NUMBER_IN_TEXT = r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?"
_IN_TEXT = re.compile(
    rf"((?<![\w.])(?:d\w+/d\w+|{_NAME_IN_TEXT}|{_NUMBER_IN_TEXT})(?!\w)|\^\d+(?!\w|\.\d))", re.ASCII
)


def formula(source: str, partials: Iterable[str] = ()) -> Html:
    """Typeset a sheet's formula: names in italics, a product as a dot, a power raised.

    ``partials`` has those of its parts that are names of derivatives, such as "dE/dz".

    >>> formula("x**-0.5 * 1e-3")
    '<var>x</var><sup>−0.5</sup> · 1×10<sup>−3</sup>'
    """
    names = "".join(rf"{re.escape(name)}(?!\w)|" for name in partials)
    return _typeset_tokens(re.findall(names + _TOKEN.pattern, source, re.DOTALL))


POWERS = ("**", "^")  # signs of a power: in a sheet, and in what is said of it
MOST_RAISED = 20  # powers in the exponents of powers; of a stranger's thousand, no more are raised


def _typeset_tokens(tokens: Sequence[str], depth: int = 0) -> Html:
    parts = []
    at = 0
    while at < len(tokens):
        token = tokens[at]
        at += 1
        if token.strip() in POWERS and depth < MOST_RAISED:
            end = _end_of_exponent(tokens, at)
            exponent = _without_brackets(tokens[at:end])
            parts.append(element("sup", _typeset_tokens(exponent, depth + 1)))
            at = end
        else:
            parts.append(_typeset_token(token))
    return join(parts)


def _typeset_token(token: str) -> Html:
    if token[0].isalpha():
        return _typeset_word(token)
    digits, e, exponent = token.lower().partition("e")
    if e:
        return join([digits, "×10", element("sup", exponent.lstrip("+").replace("-", "−"))])
    return escaped({"*": " · ", "-": "−"}.get(token.strip(), token))


def _end_of_exponent(tokens: Sequence[str], at: int) -> int:
    """Return where an exponent ends that begins at a place; it may be a power in its turn."""
    at = _end_of_operand(tokens, at)
    while at < len(tokens) and tokens[at].strip() in POWERS:
        at = _end_of_operand(tokens, at + 1)
    return min(at, len(tokens))


def _end_of_operand(tokens: Sequence[str], at: int) -> int:
    """Return where a number, a name, a call or a bracket ends, with the signs before it."""
    while at < len(tokens) and tokens[at] in "+-":
        at += 1
    is_name = at < len(tokens) and tokens[at][0].isalpha()
    if tokens[at + is_name : at + is_name + 1] != ["("]:
        return at + 1
    at += is_name
    depth = 0
    while at < len(tokens):
        depth += (tokens[at] == "(") - (tokens[at] == ")")
        at += 1
        if not depth:
            break
    return at


def _without_brackets(tokens: Sequence[str]) -> Sequence[str]:
    """Return an exponent without the brackets around the whole of it."""
    if tokens[:1] == ["("] and _end_of_operand(tokens, 0) == len(tokens):
        return tokens[1:-1]
    return tokens


# --- Tables ---------------------------------------------------------------------------------------


def table(
    caption: str,
    columns: Sequence[str] | Html,
    rows: Iterable[Html],
    class_: str | None = None,
) -> Html:
    """Build a table in a box that scrolls by itself where the page is narrow.

    ``columns`` are the headings of the columns, or the rows of a head that has several, as Html.
    """
    if not isinstance(columns, Html):
        columns = element("tr", *map(_heading, columns))
    whole = element(
        "table",
        element("caption", caption) if caption else NOTHING,
        element("thead", columns),
        element("tbody", *rows),
        class_=class_,
    )
    return element("div", whole, class_="scroll")


def _heading(column: str) -> Html:
    return element("th", column, scope="col") if column else element("td")


def row(heading: str, *cells: str, class_: str | None = None) -> Html:
    """Build a row of a table; its first cell is its heading."""
    return element(
        "tr",
        element("th", heading, scope="row"),
        *(element("td", cell) for cell in cells),
        class_=class_,
    )
