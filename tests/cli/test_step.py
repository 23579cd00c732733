"""``tinygrad-hw step`` as a user meets it: through a pipe, and on a terminal of its own."""

import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

termios = pytest.importorskip("termios")
pty = pytest.importorskip("pty")

COMMAND = [sys.executable, "-m", "tinygrad_hw", "step"]
LOGGED_IN = """
import os, sys
os.login_tty(int(sys.argv[1]))  # so that Ctrl-C there is for this process
from tinygrad_hw.cli.main import main
sys.exit(main(sys.argv[2:]))
"""
OURS = {"COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"}
PLAIN_TERMINAL = {
    **{name: value for name, value in os.environ.items() if name not in OURS},
    "TERM": "xterm",
    "PYTHONUTF8": "1",
}
LONGEST = 60  # seconds, for a machine that is very busy
RIGHT, LEFT, HOME, END = b"\x1b[C", b"\x1b[D", b"\x1b[H", b"\x1bOF"
CTRL_C, CTRL_Z = b"\x03", b"\x1a"
OTHER_SCREEN, OWN_SCREEN, HIDE, SHOW = b"\x1b[?1049h", b"\x1b[?1049l", b"\x1b[?25l", b"\x1b[?25h"


def piped(typed: str, *arguments: str, **environment: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [*COMMAND, *arguments],
        input=typed.encode(),
        capture_output=True,
        env={**PLAIN_TERMINAL, **environment},
        timeout=LONGEST,
        check=False,
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


# --- Through a pipe -------------------------------------------------------------------------------


def test_lines_are_read_and_steps_printed() -> None:
    status, out, error = piped("n\nn\ng 12\n/w7\nq\nn\n", "q1a")
    assert (status, error) == (0, "")
    headings = [line for line in out.splitlines() if line.startswith("step ")]
    assert headings == [
        *("step 1 of 31, forward", "step 2 of 31, forward", "step 3 of 31, forward"),
        *("step 12 of 31, backward", "step 14 of 31, backward"),
    ]
    assert "w7 receives -0.0003182 from z4: upstream -0.0003183 × local 0.9997\n" in out
    assert "> w7     1  -0.0003182*" in out
    assert "\x1b" not in out


def test_the_end_of_input_ends_it_and_colors_stay_out_of_a_pipe() -> None:
    status, out, error = piped("g 63", "q1a", "--scalar", FORCE_COLOR="1", COLUMNS="100")
    assert (status, error) == (0, "")
    assert "step 63 of 63, backward\n" in out
    assert "\x1b" not in out
    assert max(map(len, out.splitlines())) <= 100


def test_a_console_that_lacks_the_signs_gets_plainer_ones() -> None:
    status, out, _ = piped("/w7\n", "q1a", PYTHONUTF8="0", PYTHONIOENCODING="ascii")
    assert status == 0
    assert "upstream -0.0003183 x local 0.9997" in out
    assert "?" not in out.replace("? help", "")


def test_no_input_at_all_and_no_output_at_all() -> None:
    for closing in ("<&-", ">&-", "2>&-"):
        command = ["sh", "-c", f'"$@" {closing}', "sh", *COMMAND, "q1a"]
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=LONGEST, check=False
        )
        assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ([], "the following arguments are required: SHEET"),
        (["no.toml"], "no.toml: No such file or directory; give the path of a sheet"),
    ],
)
def test_what_is_wrong_is_one_line(arguments: list[str], reason: str) -> None:
    status, out, error = piped("", *arguments)
    assert (status, out) == (2, "")
    assert error.startswith(f"tinygrad-hw: {reason}")
    assert error.count("\n") == 1


# --- On a terminal --------------------------------------------------------------------------------


class Terminal:
    """A terminal with the command in it; the settings it starts with are remembered."""

    def __init__(self, *arguments: str, columns: int = 80, lines: int = 24, **environment: str):
        self.user, self.program = pty.openpty()
        self.resize(columns, lines)
        self.settings = termios.tcgetattr(self.program)
        self.seen = b""
        self.process = subprocess.Popen(
            [sys.executable, "-c", LOGGED_IN, str(self.program), "step", *arguments],
            pass_fds=[self.program],
            env={**PLAIN_TERMINAL, **environment},
        )

    def resize(self, columns: int, lines: int) -> None:
        termios.tcsetwinsize(self.program, (lines, columns))

    def press(self, keys: bytes, then: str) -> str:
        """Press keys; give what is shown from there to a text that is waited for."""
        os.write(self.user, keys)
        return self.wait_for(then)

    def wait_for(self, text: str) -> str:
        while text.encode() not in self.seen:
            self.seen += self.read()
        upto, _, self.seen = self.seen.partition(text.encode())
        return upto.decode(errors="replace") + text

    def read(self) -> bytes:
        assert select.select([self.user], [], [], LONGEST)[0], self.seen
        return os.read(self.user, 65536)

    def end(self) -> tuple[int, bytes]:
        """Give the exit status, and what was shown last."""
        while self.process.poll() is None or select.select([self.user], [], [], 0)[0]:
            if select.select([self.user], [], [], 0.01)[0]:
                self.seen += os.read(self.user, 65536)
        return self.process.returncode, self.seen

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.user)
        os.close(self.program)


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    terminal = Terminal("q1a")
    yield terminal
    terminal.close()


def test_keys_act_at_once_and_all_is_put_back(terminal: Terminal) -> None:
    shown = terminal.wait_for("step 1 of 31, forward")
    assert OTHER_SCREEN.decode() in shown
    assert HIDE.decode() in shown
    assert termios.tcgetattr(terminal.program) != terminal.settings
    terminal.press(b"n", "step 2 of 31, forward")
    terminal.press(RIGHT, "step 3 of 31, forward")
    terminal.press(b"\r", "step 4 of 31, forward")
    terminal.press(LEFT, "step 3 of 31, forward")
    terminal.press(b"g12\r", "step 12 of 31, backward")
    terminal.press(b"/w7\r", "step 14 of 31, backward")
    terminal.press(END, "step 31 of 31, backward")
    terminal.press(HOME + RIGHT * 5, "step 6 of 31, forward")
    terminal.press(CTRL_Z, "that is no key here")
    os.write(terminal.user, b"q")
    status, last = terminal.end()
    assert status == 0
    assert SHOW in last
    assert last.rstrip().endswith((OWN_SCREEN, SHOW))
    assert termios.tcgetattr(terminal.program) == terminal.settings


@pytest.mark.parametrize("while_typing", [b"", b"/w"])
def test_ctrl_c_puts_all_back(terminal: Terminal, while_typing: bytes) -> None:
    terminal.wait_for("step 1 of 31")
    if while_typing:
        terminal.press(while_typing, "/w_")
    os.write(terminal.user, CTRL_C)
    status, last = terminal.end()
    assert status == 130
    assert OWN_SCREEN in last
    assert SHOW in last
    assert last.endswith(b"tinygrad-hw: stopped\r\n")
    assert termios.tcgetattr(terminal.program) == terminal.settings


def test_kill_puts_all_back(terminal: Terminal) -> None:
    terminal.wait_for("step 1 of 31")
    terminal.process.send_signal(signal.SIGTERM)
    status, last = terminal.end()
    assert status == 143
    assert OWN_SCREEN in last
    assert termios.tcgetattr(terminal.program) == terminal.settings


def test_another_size_of_the_window_is_drawn_for(terminal: Terminal) -> None:
    terminal.wait_for("q quit")
    terminal.resize(40, 12)
    assert "a larger window shows" in terminal.wait_for("a larger window shows")


def test_no_color_where_none_is_wanted() -> None:
    for environment, colored in [({"NO_COLOR": "1"}, False), ({}, True)]:
        terminal = Terminal("q1a", **environment)
        try:
            assert ("\x1b[1;32m" in terminal.wait_for("q quit")) is colored
        finally:
            terminal.close()


def test_lines_are_read_where_only_one_end_is_a_terminal_or_it_is_a_dumb_one(
    tmp_path: Path,
) -> None:
    terminal = Terminal("q1a", TERM="dumb")
    try:
        shown = terminal.wait_for("step> ")
        assert "step 1 of 31, forward" in shown
        assert "\x1b" not in shown + terminal.press(b"n\n", "step> ")
        os.write(terminal.user, b"q\n")
        assert terminal.end()[0] == 0
        with open(tmp_path / "out", "wb") as out:
            os.write(terminal.user, b"n\nq\n")
            done = subprocess.run(
                [*COMMAND, "q1a"],
                stdin=terminal.program,
                stdout=out,
                env=PLAIN_TERMINAL,
                timeout=LONGEST,
                check=False,
            )
        assert done.returncode == 0
        assert b"step 2 of 31, forward" in (tmp_path / "out").read_bytes()
        assert b"\x1b" not in (tmp_path / "out").read_bytes()
    finally:
        terminal.close()


def test_a_keyboard_is_given_back_after_an_error_and_reads_whole_keys() -> None:
    from tinygrad_hw.explain.stepper.keyboard import Keyboard

    user, program = pty.openpty()
    try:
        before = termios.tcgetattr(program)
        keys = []

        def press_and_fail() -> None:
            with Keyboard(program) as keyboard:
                for pressed, count in [
                    (b"\x1b[C\x1bOAn\xce", 3),
                    (b"\xb2\x1b", 2),
                    (b"\x1b[1~", 1),
                ]:
                    os.write(user, pressed)
                    keys.extend(keyboard.key() for _ in range(count))
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            press_and_fail()
        assert keys == ["\x1b[C", "\x1bOA", "n", "β", "\x1b", "\x1b[1~"]
        assert termios.tcgetattr(program) == before
    finally:
        os.close(user)
        os.close(program)
