"""The verdicts' signs and words."""

from tinygrad_hw.formatting.verdicts import MEANINGS, SIGNS, VERDICTS, with_sign


def test_every_verdict_has_a_sign_and_a_meaning_in_their_order() -> None:
    assert tuple(SIGNS) == tuple(MEANINGS) == VERDICTS
    assert all(len(sign) == 1 for sign in SIGNS.values())


def test_a_sign_stands_before_its_verdict() -> None:
    assert [with_sign(verdict) for verdict in ("follows", "wrong")] == ["↳ follows", "✗ wrong"]
