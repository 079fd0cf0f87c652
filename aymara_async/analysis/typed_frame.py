"""A data frame whose columns have their types, with rows or without."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd


def typed_frame(rows: Sequence[Mapping[str, object]], types: Mapping[str, str]) -> pd.DataFrame:
    """Make a data frame with exactly the columns of ``types``, in their order; None becomes a missing value."""
    frame = pd.DataFrame(
        {name: pd.Series([row[name] for row in rows], dtype=object) for name in types},
        columns=list(types),
    )
    return frame.astype(dict(types))
