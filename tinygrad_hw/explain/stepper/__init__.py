"""A computation frame by frame, and a terminal to step through it.

``frames`` has the frames and their sentences, ``terminal_view`` shows one as lines of text,
``terminal`` carries out commands, and ``keyboard`` reads single keys.
"""
