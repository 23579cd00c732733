"""Fuzz the reader and the marker of sheets with atheris. Not part of the suite: run it by hand.

    python3 -m venv FOLDER && FOLDER/bin/pip install atheris numpy
    PYTHONPATH=. FOLDER/bin/python tests/fuzz_sheet.py FINDINGS -max_total_time=600

Whatever is neither marks nor a ``SheetError`` of one printable line is written into the folder
FINDINGS, once for each place in the code that it comes from, and so is what takes longer than
``SECONDS``; the fuzzing goes on. Further arguments are libFuzzer's.
"""

import random
import re
import signal
import sys
import traceback
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["tinygrad_hw", "tomllib"]):
    from tinygrad_hw.worksheet.marking.mark_sheet import mark
    from tinygrad_hw.worksheet.sheet.model import SheetError
    from tinygrad_hw.worksheet.sheet.reader import parse_sheet

SECONDS = 3.0
SHEETS = Path(__file__).parents[1] / "tinygrad_hw/homework/sheets"
SMALL = """\
[given]
x = 2
y = 1
[parameters]
w = 0.5
b = -0.3
[forward]
z = "w*x + b"
a = "{function}(z)"
E = "{loss}"
[update]
loss = "E"
rate = 0.5
{more}
[answers.forward]
z = "0.7"
a = "0.6682"
E = "1/3"
[answers.partials."dE/dw"]
{paths}
value = "-0.1471"
struck = ["-0.147"]
[answers.updated]
w = "0.5736"
[answers.table]
b = "−2.632·10⁻¹"
"""
FUNCTIONS = ("sigmoid", "tanh", "relu", "exp", "log", "sqrt", "softplus", "abs")
LOSSES = ("(y - a)**2 / 2", "a*z/(1 + a)", "(y - a)**2 / 2 + 0.1*w**2", "y*log(a*a) - a**2.5", "a")
PATHS = (
    'factors = { "dE/da" = "-0.3318", "da/dz" = "0.2217", "dz/dw" = "2" }',
    'paths = [{ "dE/da" = "-0.3318", "da/dw" = "2" }, { "dE/dw" = "1" }]',
    'factors = { "dE/dz" = "0", "dz/dw" = "0.00" }',
)
ASKS = ("", "steps = 2", "[rounding]\nfigures = 4", "[rounding]\ndecimals = 2")
PIECES = """
    0 0.00 -1 1e200 7e-200 1e308 1/3 ½ -.5 nan inf 9**9**9 "" "0" "1e299" "0.000" a b w x y z E
    dE/dw dE/dE da/da dz/da dE/db dd/dd log(a) sqrt(b) a**z w**x 1/(w-w) a-a a/b/a -- (( [] {} [[
    step2 figures decimals σ the_rate # \\u001b \ufeff
"""


def spoilt(data: bytes, size: int, seed: int) -> bytes:
    """Change a line, a number or a name; or, now and then, any byte."""
    rng = random.Random(seed)
    if rng.random() < 0.2:
        return atheris.Mutate(data, size)
    lines = data.decode("utf-8", "replace").split("\n")
    for _ in range(rng.choice((1, 1, 2, 4))):
        at, other = rng.randrange(len(lines)), rng.randrange(len(lines))
        match rng.randrange(8):
            case 0:
                del lines[at : at + rng.choice((1, 1, 3))]
            case 1:
                lines.insert(at, lines[other])
            case 2:
                lines[at], lines[other] = lines[other], lines[at]
            case _:
                words = re.split(r"([\w.]+|[-+*/()]+)", lines[at])
                words[rng.randrange(len(words))] = rng.choice(PIECES.split())
                lines[at] = "".join(words)
        lines = lines or [""]
    return "\n".join(lines).encode()[:size]


def corpus(folder: Path) -> None:
    """Write the shipped sheets and many small ones."""
    folder.mkdir(exist_ok=True)
    for path in SHEETS.glob("*.toml"):
        (folder / path.name).write_bytes(path.read_bytes())
    for i in range(40):
        rng = random.Random(i)
        text = SMALL.format(
            function=rng.choice(FUNCTIONS),
            loss=rng.choice(LOSSES),
            paths=rng.choice(PATHS),
            more=rng.choice(ASKS),
        )
        (folder / f"small{i}.toml").write_text(text)


def main() -> None:
    """Fuzz until libFuzzer has had enough."""
    findings = Path(sys.argv[1])
    findings.mkdir(exist_ok=True)
    seen: set[str] = set()

    def found(where: str, text: str, story: str) -> None:
        if where not in seen:
            seen.add(where)
            name = re.sub(r"\W+", "-", where)[:80]
            (findings / f"{name}.toml").write_text(text)
            (findings / f"{name}.txt").write_text(story)

    def too_slow(*_: object) -> None:
        raise TimeoutError

    def once(data: bytes) -> None:
        signal.signal(signal.SIGALRM, too_slow)
        text = data.decode("utf-8", "replace")
        message = ""
        try:
            signal.setitimer(signal.ITIMER_REAL, SECONDS)
            mark(parse_sheet(text))
        except SheetError as error:
            message = str(error)
        except Exception as error:
            frames = traceback.extract_tb(error.__traceback__)
            last = [f"{Path(f.filename).stem}-{f.name}" for f in frames if "tinygrad" in f.filename]
            place = last[-1] if not isinstance(error, TimeoutError) else "mark"
            found(f"{type(error).__name__}-{place}", text, traceback.format_exc())
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        if not message.isprintable() or len(message) > 700:
            found(f"message-{message[:30]}", text, message)

    corpus(findings / "corpus")
    options = ["-timeout=0", "-rss_limit_mb=3000", "-max_len=6000", *sys.argv[2:]]
    arguments = [sys.argv[0], str(findings / "corpus"), *options]
    atheris.Setup(arguments, once, custom_mutator=spoilt)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
