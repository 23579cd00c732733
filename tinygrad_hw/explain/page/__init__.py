"""One offline page: a graph to step through, forward and back, with sliders that recompute it.

    from tinygrad_hw import page
    page(E, "out.html")

The file needs nothing beside it: it opens by a double click, from a USB stick, without a network.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from tinygrad_hw.engine.core.node import Node
from tinygrad_hw.explain.page.html import Document, Form, Remark
from tinygrad_hw.explain.page.model import content_of, fixed, planned, program_of
from tinygrad_hw.files import write_files
from tinygrad_hw.program import CaptureError

__all__ = ["Form", "Remark", "page", "page_html"]


def page_html(
    root: Node,
    *,
    title: str | None = None,
    remarks: Iterable[Remark] = (),
    form: Form | None = None,
) -> str:
    """Write the page of a Value as one text of HTML.

    Parameters
    ----------
    root
        The Value to explain, computed from numbers. What has a label is a name on the page; of
        these, constants and parameters have sliders.
    title
        The page's heading.
    remarks
        What is to be said of a node, such as a mark that an answer got.
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
    except CaptureError:  # an operation that has no JavaScript: all stays as it is
        plan = fixed(plan)
        program, places = program_of(plan)
    heading = title or f"How {content.unfolded.name(content.unfolded.nodes[-1])} is computed"
    return Document(plan, content, heading, list(remarks), form).html(program, places)


def page(
    root: Node,
    path: str | os.PathLike[str],
    *,
    title: str | None = None,
) -> None:
    """Write the page of a Value into a file; see ``page_html``.

    Raises
    ------
    DrawError
        If there is an array in the graph, or more than 2,000 nodes.
    OutputError
        If the place cannot be written to.
    """
    write_files({Path(path): page_html(root, title=title).encode()})
