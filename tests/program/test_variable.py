"""A Variable prints as its instruction, with operands by number."""

from tinygrad_hw import capture


def doubled(x):
    for _ in range(60):
        x = x * x - x  # each operand twice: written out, the last line would have 2**60 of them
    return x


def test_printing_a_program_is_as_long_as_the_program():
    recording = capture(doubled).record(0.5).recording
    assert len(repr(recording)) < 100_000
    last = recording.instructions[-1]
    assert repr(last) == str(last) == f"%{last.number}: float = sub(%120, %119)"
