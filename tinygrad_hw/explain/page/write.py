"""Write the offline page of a Value, as text or into a file."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from tinygrad_hw.engine.core.node import Node
from tinygrad_hw.explain.page.answers import Form, Remark
from tinygrad_hw.explain.page.html import Document
from tinygrad_hw.explain.page.model import content_of, fixed, planned, program_of
from tinygrad_hw.files import write_files
from tinygrad_hw.program import CaptureError


def page_html(
    root: Node,
    *,
    title: str | None = None,
    remarks: Iterable[Remark] = (),
    form: Form | None = None,
) -> str:
    """Return the page of a Value as one text of HTML.

    Parameters
    ----------
    root
        The Value to explain, computed from numbers. Labels are names on the page; labelled
        constants and parameters have sliders.
    title
        The page's heading.
    remarks
        Remarks on nodes, such as the mark that an answer got.
    form
        Fields for answers, which the page saves as a sheet.

    Raises
    ------
    DrawError
        If there is an array in the graph, or more than 2,000 nodes.
    """
    plan = planned(root)
    content = content_of(plan)
    try:
        program, places = program_of(plan)
    except CaptureError:  # an operation that has no JavaScript: nothing can be moved
        plan = fixed(plan)
        program, places = program_of(plan)
    heading = title or f"How {content.unfolded.name(content.unfolded.nodes[-1])} is computed"
    return Document(plan, content, heading, list(remarks), form).html(program, places)


def write_page(
    root: Node,
    path: str | os.PathLike[str],
    *,
    title: str | None = None,
) -> None:
    """Write the page of a Value into a file; see ``page_html``.

    Parameters
    ----------
    root
        The Value to explain, computed from numbers.
    path
        The file, which needs no other: it opens by a double click, without a network.
    title
        The page's heading.

    Raises
    ------
    DrawError
        If there is an array in the graph, or more than 2,000 nodes.
    OutputError
        If the file cannot be written.
    """
    write_files({Path(path): page_html(root, title=title).encode()})
