"""All tests of steps and ledger once more, on PostgreSQL: `conftest.py` gives them another `ledger_url`.

Their fixtures are those of a `conftest.py`: one that stands beside a test is not found from here.
"""

import importlib
import pkgutil

import pytest

import tests.unit.steps

pytestmark = pytest.mark.long

for _module in pkgutil.iter_modules(tests.unit.steps.__path__):
    if _module.name.startswith("test_"):
        _step = _module.name.removeprefix("test_")
        _tests = vars(importlib.import_module(f"tests.unit.steps.{_module.name}"))
        globals().update(
            {f"test_{_step}__{name[5:]}": test for name, test in _tests.items() if name.startswith("test_")}
        )
        globals().update(
            {f"Test_{_step}__{name[4:]}": test for name, test in _tests.items() if name.startswith("Test")}
        )
