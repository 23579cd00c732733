"""The page to print as a document for LaTeX."""

from __future__ import annotations

import unicodedata
from xml.etree import ElementTree as ET

# What an element becomes, by its class or else its tag; the # is what is in it.
_FORMS = {
    "article": "\\clearpage\\setcounter{page}{1}\n#",
    "h1": "\\markright{#}\\section*{#}\n",
    "name": "Name \\hrulefill\\quad Date \\makebox[35mm]{\\hrulefill}\n\n",
    "h2": "\\subsection*{#}\n",
    "p": "#\n\n",
    "ul": "#\n\n",
    "li": "\\mbox{#}\\qquad\n",
    "chain": "#\n\n",
    "factor": "\\factor{#}",
    "break": "\\newline\n",
    "blank": "\\blank{}",
    "tr": "\\mbox{#}\n\n",
    "th": "# ",
    "td": "# ",
    "var": "\\textit{#}",
    "sub": "\\textsubscript{#}",
    "sup": "\\textsuperscript{#}",
}
_PREAMBLE = r"""\documentclass[11pt]{article}
\usepackage[a4paper,margin=18mm,includehead]{geometry}
\usepackage{amsmath}
\newcommand{\blank}{\rule[-1mm]{20mm}{0.3pt}\rule{0pt}{7mm}}
\newcommand{\factor}[1]{\begin{tabular}[b]{@{}c@{}}#1\end{tabular}}
\pagestyle{myheadings}
\setlength{\parindent}{0pt}
\setlength{\parskip}{2.5mm plus 1mm}
\raggedright
\begin{document}
"""
_COMMANDS = {
    **{sign: "\\" + sign for sign in "{}$&#_%"},
    "\\": r"\textbackslash{}",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "·": r"\ensuremath{\cdot}",
    "×": r"\ensuremath{\times}",
    "−": r"\ensuremath{-}",
    "<": r"\ensuremath{<}",
    ">": r"\ensuremath{>}",
    "|": r"\ensuremath{|}",
    "…": r"\dots{}",
    "\u00a0": "~",
}


def latex_of(page: str) -> str:
    """Return a page of ``handout_page`` as a document for LaTeX."""
    main = page[page.index("<main>") : page.index("</main>") + len("</main>")]
    return f"{_PREAMBLE}{_latex(ET.fromstring(main))}\\end{{document}}\n"


def _latex(node: ET.Element) -> str:
    kind = node.get("class") or ""
    parts = [_escaped(node.text)]
    for child in node:
        parts += [_latex(child), _escaped(child.tail)]
    between = {"chain": "\\ ", "factor": "\\\\"}.get(kind, "")  # a blank; a line under a line
    form = _FORMS.get(kind) or _FORMS.get(node.tag, "#")
    return form.replace("#", between.join(filter(None, parts)))


def _escaped(text: str | None) -> str:
    """Write a text, which may come from anybody, without any command of its own."""
    return "".join(map(_letter, text or ""))


def _letter(letter: str) -> str:
    if command := _COMMANDS.get(letter):
        return command
    name = unicodedata.name(letter, "")
    if name.startswith("GREEK SMALL LETTER ") and len(name.split()) == 4:
        return rf"\ensuremath{{\{name.split()[-1].lower()}}}"
    return letter
