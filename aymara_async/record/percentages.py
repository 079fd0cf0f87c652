"""Shares as people read them, never rounded up to all or down to none."""

from __future__ import annotations


def percent(share: float | None) -> str:
    """Write a share with one decimal: ``"95.3%"``; ``">99.9%"`` where rounding would claim all, ``"–"`` for None."""
    if share is None:
        return "–"
    written = f"{share * 100:.1f}%"
    if written == "100.0%" and share < 1.0:
        return ">99.9%"
    if written == "0.0%" and share > 0.0:
        return "<0.1%"
    return "100%" if written == "100.0%" else "0%" if written == "0.0%" else written


def percent_range(interval: tuple[float, float]) -> str:
    """Write an interval of shares: ``"91.2% to 95.4%"``."""
    low, high = interval
    return f"{percent(low)} to {percent(high)}"


def points(difference: float) -> str:
    """Write a difference of shares in percentage points, with its sign: ``"+1.3"``, ``"−0.4"``."""
    written = f"{difference * 100:+.1f}"
    return "0.0" if written in {"+0.0", "-0.0"} else written.replace("-", "\N{MINUS SIGN}")


def exact_percent(share: float) -> str:
    """Write a share that somebody chose, with all its digits: ``"95%"``, ``"99.95%"``."""
    return f"{share * 100:.10g}%"


def p_value_text(p_value: float) -> str:
    """Write a p-value: ``"p = 0.012"``, ``"p < 0.001"``, ``"p = 1"``."""
    if p_value < 0.001:
        return "p < 0.001"
    return "p = 1" if p_value == 1.0 else f"p = {min(p_value, 0.999):.3f}"
