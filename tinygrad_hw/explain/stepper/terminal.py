"""Walk through the steps of a computation in a terminal.

On a terminal single keys act at once and the screen is drawn anew; else lines are read and a step
is printed for each.
"""

from __future__ import annotations

import re
import shutil
import sys
import textwrap
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.text import Text

from tinygrad_hw.explain.stepper.frames import Frame, Steps
from tinygrad_hw.explain.stepper.terminal_view import LEGEND, Board

if TYPE_CHECKING:
    from tinygrad_hw.explain.stepper.keyboard import Keyboard

KEYS = "n next  p back  g 12 to step 12  /w7 to w7  ? help  q quit"
HELP = (
    "n, Enter, right, down   the next step",
    "p, left, up             the step before",
    "0 or Home, $ or End     the first step, the last one",
    "g 12                    step 12",
    "/w7                     the next step with w7 in it, and on from the first;",
    "                        a part of a name will do",
    "q                       quit",
    "",
    "Forward, a step gives a name its value. Backward, it passes a gradient on, from",
    "a result to what it was made of: what has arrived at the result (upstream) times",
    "its derivative (local). A gradient is the sum of all that is received.",
)
PROMPT = "step> "
ENTER, ESCAPE, ERASE = ("\n", "\r"), "\x1b", ("\x7f", "\b")
TYPED_ON = ("g", "/")  # keys that begin a longer command
_MEANING = {
    **dict.fromkeys(["n", "", " ", *ENTER, "\x1b[C", "\x1b[B", "\x1bOC", "\x1bOB"], "n"),
    **dict.fromkeys(["p", "\x1b[D", "\x1b[A", "\x1bOD", "\x1bOA"], "p"),
    **dict.fromkeys(["0", "\x1b[H", "\x1bOH", "\x1b[1~", "\x1b[7~"], "0"),
    **dict.fromkeys(["$", "\x1b[F", "\x1bOF", "\x1b[4~", "\x1b[8~"], "$"),
    **dict.fromkeys(["q", "quit", "\x04"], "q"),
}


class Walk:
    """A position in the steps, and the commands that change it.

    Attributes
    ----------
    at
        The index of the step, from 0; users count from 1.
    over
        Whether the user has quit.
    """

    def __init__(self, steps: Steps, plain: Callable[[str], str] = str) -> None:
        self.board = Board(steps, plain)
        self.steps = steps
        self.highlighted = [{plain(name) for name in frame.highlighted} for frame in steps]
        self.names = [plain(name) for name in self.board.names]
        self.at = 0
        self.over = False

    @property
    def frame(self) -> Frame:
        """The frame at the position."""
        return self.steps[self.at]

    def handle(self, command: str) -> str:
        """Carry out a typed line or a key; return the answer to the user, or an empty text."""
        meaning = _MEANING.get(command, command)
        last = len(self.steps) - 1
        if meaning == "n":
            return self._go(self.at + 1) if self.at < last else "this is the last step"
        if meaning == "p":
            return self._go(self.at - 1) if self.at else "this is the first step"
        if meaning in ("0", "$"):
            return self._go(0 if meaning == "0" else last)
        if meaning == "q":
            self.over = True
            return ""
        if meaning.startswith("g"):
            return self._go_to(meaning[1:].strip())
        if meaning.startswith("/"):
            return self._find(meaning[1:].strip())
        named = f"{command[:40]!r}" if command.isprintable() else "that"
        return f"{named} is no key here: {KEYS}"

    def _go(self, index: int) -> str:
        self.at = index
        return ""

    def _go_to(self, number: str) -> str:
        if re.fullmatch("[0-9]{1,9}", number) and 1 <= int(number) <= len(self.steps):
            return self._go(int(number) - 1)
        which = f"there is no step {number[:40]!r}" if number else "give a number after g"
        return f"{which}; g 1 to g {len(self.steps)} go to one"

    def _find(self, name: str) -> str:
        """Go to the next step with this very name in it or, if there is none, with a part of it."""
        in_a_step = set().union(*self.highlighted)
        reachable = [name for name in self.names if name in in_a_step]
        known = f"names are {' '.join(reachable)}"
        if not name:
            return f"give a name after /; {known}"
        if name in self.names and name not in reachable:
            return f"{name} is given and gets no gradient: no step is about it"
        wanted = {name} if name in reachable else {x for x in reachable if name in x}
        for index in (*range(self.at + 1, len(self.steps)), *range(self.at + 1)):
            if wanted & self.highlighted[index]:
                return self._go(index)
        return f"nothing is called {name[:40]!r}; {known}"


def walk(
    steps: Steps,
    ask: Callable[[str], str],
    say: Callable[[str], None],
    plain: Callable[[str], str],
) -> None:
    """Walk through steps: by single keys if input and output are a terminal, else by lines.

    Parameters
    ----------
    steps
        The steps to walk through.
    ask
        Prints a prompt and gives the line that was typed, or raises EOFError.
    say
        Prints a line.
    plain
        Writes a line in signs that the terminal can show.
    """
    if not steps:
        say("nothing is computed here: there are no steps")
        return
    walked, console = Walk(steps, plain), Console(highlight=False)
    keyboard = _keyboard(console)
    if keyboard is None:
        walk_lines(walked, ask, say)
        return
    with keyboard, console.screen():
        walk_keys(walked, keyboard.key, lambda lines: _draw(console, lines), lambda: console.size)


def walk_lines(walked: Walk, ask: Callable[[str], str], say: Callable[[str], None]) -> None:
    """Print a step for each line that is read, until q or the end of input."""
    say(KEYS)
    say(LEGEND)
    _say_block(walked, say)
    try:
        while not walked.over:
            command = ask(PROMPT).strip()
            if command == "?":
                for line in (*HELP, "", LEGEND):
                    say(line)
            elif said := walked.handle(command):
                say(said)
            elif not walked.over:
                _say_block(walked, say)
    except EOFError:
        say("")


def walk_keys(
    walked: Walk,
    key: Callable[[], str],
    show: Callable[[Sequence[Text]], None],
    size: Callable[[], tuple[int, int]],
) -> None:
    """Show a step for each key that is pressed, until q or the end of input.

    Parameters
    ----------
    walked
        Where to walk.
    key
        Gives the next key, or an empty text if the size has changed, or raises EOFError.
    show
        Shows lines in place of those before.
    size
        Gives the width of the screen and its height, in characters.
    """
    command, said = "", ""
    try:
        while not walked.over:
            show(_screen(walked, command, said, *size()))
            pressed = key()
            if not pressed:
                continue
            if pressed == "?" and not command:
                show([Text(walked.board.plain(line)) for line in (*HELP, "", "Any key goes on.")])
                key()
                said = ""
            elif command and pressed in ENTER:
                command, said = "", walked.handle(command)
            elif command or pressed in TYPED_ON:
                command, said = _typed(command, pressed), ""
            else:
                said = walked.handle(pressed)
    except EOFError:
        pass


def _typed(command: str, pressed: str) -> str:
    """Add a key to the typed command; Escape empties it."""
    if pressed == ESCAPE:
        return ""
    if pressed in ERASE:
        return command[:-1]
    return command + pressed if pressed.isprintable() else command


def _screen(walked: Walk, command: str, said: str, width: int, height: int) -> list[Text]:
    below = textwrap.wrap(said, max(width, 20), max_lines=2, placeholder=" …") or [LEGEND]
    if command:
        below = [f"{command}_", "Enter does it, Escape gives it up"]
    elif len(below) < 2:
        below.append(KEYS)
    return walked.board.screen(walked.frame, width, height, below)


def _say_block(walked: Walk, say: Callable[[str], None]) -> None:
    say("")
    for line in walked.board.block(walked.frame, shutil.get_terminal_size().columns):
        say(line.plain)
    say("")


def _draw(console: Console, lines: Sequence[Text]) -> None:
    """Draw over the whole screen, line by line, without flicker or scrolling."""
    for line in lines:
        line.no_wrap = True
    console.update_screen(Group(*lines))


def _keyboard(console: Console) -> Keyboard | None:
    """Return the terminal's keyboard; None where lines are to be read."""
    streams = (sys.stdin, sys.stdout)
    if any(stream is None or stream.closed or not stream.isatty() for stream in streams):
        return None
    if console.is_dumb_terminal or not console.is_terminal:
        return None
    try:
        from tinygrad_hw.explain.stepper.keyboard import Keyboard
    except ImportError:  # Windows
        return None
    return Keyboard(sys.stdin.fileno())
