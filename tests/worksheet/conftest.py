"""What the tests of worksheets share: the simulated students."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def students() -> ModuleType:
    """The package ``marking/students``, which no test module can import by its name."""
    if "students" not in sys.modules:
        path = Path(__file__).with_name("marking") / "students"
        spec = importlib.util.spec_from_file_location(
            "students", path / "__init__.py", submodule_search_locations=[str(path)]
        )
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules["students"] = module  # dataclasses and pickle look it up there
        spec.loader.exec_module(module)
    return sys.modules["students"]
