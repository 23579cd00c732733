"""The report: every figure that the homework printed, ours beside it.

``document`` puts the page together from ``homework.results``. ``question1`` writes the worked
examples and ``errata`` what is wrong in them; ``questions2_3`` the networks, ``network_sections``
what is shown of each, and ``image_printout`` the printed image. ``original_figures`` holds what the
homework printed; ``side_by_side`` sets a printed figure beside ours and says how far apart the two
are. ``charts`` draws, ``page_elements`` has the HTML that only the report needs, and ``templates/``
has the frame of the page and its CSS.
"""
