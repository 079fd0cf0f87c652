"""The analysis is loaded when it is used, and says what to install where it cannot be."""

from __future__ import annotations

import subprocess
import sys

import pytest

import aymara_async.analysis

HEAVY = ("jinja2", "matplotlib", "numpy", "pandas", "pyarrow", "scipy")


def run(code: str) -> None:
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


def test_import_loads_nothing_heavy() -> None:
    run(f"import sys, aymara_async.analysis as a; dir(a); assert not set({HEAVY}) & set(sys.modules)")


def test_names_are_sorted_and_resolve() -> None:
    names = aymara_async.analysis.__all__
    assert names == sorted(names)
    assert all(hasattr(aymara_async.analysis, name) for name in names)
    assert set(names) == set(aymara_async.analysis._HOME_OF)
    assert set(names) <= set(dir(aymara_async.analysis))
    with pytest.raises(AttributeError, match="no_such_name"):
        aymara_async.analysis.no_such_name  # noqa: B018  # type: ignore[attr-defined]  # that is the point


def test_every_public_name_has_a_docstring() -> None:
    undocumented = [name for name in aymara_async.analysis.__all__ if not getattr(aymara_async.analysis, name).__doc__]
    assert not undocumented


@pytest.mark.parametrize(
    ("package", "name", "extra"),
    [
        ("scipy", "wilson_interval", "analysis"),
        ("pandas", "to_scores_df", "analysis"),
        ("matplotlib", "graph_eval_stats", "analysis"),
        ("jinja2", "write_report", "analysis"),
        ("pyarrow", "write_parquet", "analysis,parquet"),
    ],
)
def test_a_missing_package_is_named_with_its_extra(package: str, name: str, extra: str) -> None:
    run(
        f"""
import sys
sys.modules[{package!r}] = None
try:
    from aymara_async.analysis import {name}
except ImportError as error:
    from aymara_async import AymaraAIError
    assert isinstance(error, AymaraAIError), error
    assert "pip install 'aymara-async[{extra}]'" in str(error), error
else:
    raise SystemExit("imported")
"""
    )
