"""Single keys of a terminal, as soon as they are pressed; not on Windows."""

from __future__ import annotations

import codecs
import os
import re
import select
import termios
import tty
from typing import Self

POLL = 0.25  # seconds, in which a resized window is noticed
REST = 0.05  # seconds, in which the rest of an arrow key must arrive; else it was Escape alone

_KEY = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|O[@-~])|.", re.DOTALL)
_BEGUN = re.compile(r"\x1b(?:O|\[[0-?]*[ -/]*)?$")


class Keyboard:
    """A context in which the terminal gives single keys; its settings are restored at the end.

    An arrow key is one key of several characters, Escape the first. Ctrl-C interrupts as ever.
    """

    def __init__(self, terminal: int) -> None:
        self.terminal = terminal
        self.decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self.pressed: list[str] = []

    def __enter__(self) -> Self:
        self.size = os.get_terminal_size(self.terminal)
        self.before = termios.tcgetattr(self.terminal)
        tty.setcbreak(self.terminal, termios.TCSADRAIN)
        self._refuse_ctrl_z()
        return self

    def __exit__(self, *_: object) -> None:
        termios.tcsetattr(self.terminal, termios.TCSADRAIN, self.before)

    def key(self) -> str:
        """Return the next key, or an empty text if the window gets another size meanwhile.

        Raises
        ------
        EOFError
            If the terminal is gone.
        """
        while not self.pressed:
            if self._comes(within=POLL):
                self.pressed = _KEY.findall(self._read())
            elif self.size != (size := os.get_terminal_size(self.terminal)):
                self.size = size
                return ""
        return self.pressed.pop(0)

    def _refuse_ctrl_z(self) -> None:
        """Make Ctrl-Z an ordinary key: a shell would find the terminal's settings changed."""
        *modes, characters = termios.tcgetattr(self.terminal)
        characters[termios.VSUSP] = bytes([os.fpathconf(self.terminal, "PC_VDISABLE")])
        termios.tcsetattr(self.terminal, termios.TCSADRAIN, [*modes, characters])

    def _comes(self, within: float) -> bool:
        return bool(select.select([self.terminal], [], [], within)[0])

    def _read(self) -> str:
        """Read all input, to the end of the last key."""
        text = ""
        while True:
            read = os.read(self.terminal, 1024)
            if not read:
                raise EOFError
            text += self.decoder.decode(read)
            if not (_BEGUN.search(text) and self._comes(within=REST)):
                return text
