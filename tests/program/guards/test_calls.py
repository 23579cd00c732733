"""The functions that run in a block, and the names in their code."""

import cProfile
import subprocess
import sys
import threading
import types

import numpy as np

from tinygrad_hw import Value
from tinygrad_hw.program.guards import CalledFunctions
from tinygrad_hw.program.guards.reading import names_in


def helper(x):
    return np.exp(x)


def other(x):
    return x


def test_the_users_functions_that_really_ran_are_noted():
    def inner():
        return helper(Value(1.0)) * 2

    with CalledFunctions() as called:
        inner()
    assert called.codes == {inner.__code__, helper.__code__}
    assert other.__code__ not in called.codes
    assert sys.getprofile() is None


def test_a_function_is_noted_each_time_and_in_a_block_within_a_block():
    for _ in range(3):
        with CalledFunctions() as outer:
            helper(1.0)
            with CalledFunctions() as inner:
                helper(1.0)
                other(1.0)
            other(1.0)
        assert outer.codes >= {helper.__code__}
        assert inner.codes in (None, {helper.__code__, other.__code__})


def test_what_another_thread_calls_is_not_noted():
    with CalledFunctions() as called:
        thread = threading.Thread(target=other, args=(1.0,))
        thread.start()
        thread.join()
        helper(1.0)
    assert helper.__code__ in called.codes
    assert other.__code__ not in called.codes


def test_the_profile_is_put_back_after_an_error():
    try:
        with CalledFunctions():
            raise KeyError
    except KeyError:
        pass
    assert sys.getprofile() is None


def test_another_profiler_is_not_disturbed():
    seen = []

    def profiler(frame, event, _):
        seen.append((frame.f_code.co_name, event))

    sys.setprofile(profiler)
    try:
        with CalledFunctions() as called:
            helper(1.0)
        assert sys.getprofile() is profiler
    finally:
        sys.setprofile(None)
    assert called.codes is None  # not known: any function may have run
    assert ("helper", "call") in seen


def test_under_cprofile_functions_run_and_are_counted():
    profile = cProfile.Profile()
    with profile, CalledFunctions():
        helper(1.0)
    assert any("helper" in str(entry.code) for entry in profile.getstats())


def names_of(text):
    [code] = [x for x in compile(text, "user.py", "exec").co_consts if type(x) is types.CodeType]
    return names_in(code)


def test_globals_and_attributes_are_told_apart():
    names = names_of("def f(x):\n    y = x.rate\n    return SCALE * np.exp(y).sum()")
    assert names.globals == {"SCALE", "np"}
    assert names.attributes >= {"rate", "exp", "sum"}
    assert not names.is_computed


def test_a_name_in_quotation_marks_may_be_an_attribute_that_is_not_there():
    names = names_of("def f(x):\n    return getattr(x, 'scale', 1.0)")
    assert "scale" in names.attributes
    assert names.probed == {"scale"}
    assert names.is_computed


def test_an_attribute_whose_lack_is_caught_is_probed():
    names = names_of(
        "def f(x):\n    try:\n        return x.scale\n    except AttributeError:\n        return 1"
    )
    assert "scale" in names.probed


def test_modules_that_are_imported_inside():
    names = names_of("def f():\n    from settings import RATE\n    return RATE")
    assert names.modules == {"settings"}
    assert "RATE" in names.attributes


def test_any_global_may_be_read_by_a_computed_name():
    assert names_of("def f(n):\n    return globals()[n]").is_any_global


def test_what_an_interrupt_has_left_on_says_nothing_at_the_end():
    text = """
import logging
from tinygrad_hw.program.guards import CalledFunctions
logging.StreamHandler()
called = CalledFunctions()
called.__enter__()
"""
    run = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    assert run.stderr == ""
