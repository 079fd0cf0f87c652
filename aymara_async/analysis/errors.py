"""What can be wrong before anything is computed."""

from __future__ import annotations

from aymara_async.errors import AymaraAIError, RequestValidationError


class MissingExtraError(AymaraAIError, ImportError):
    """A package is missing that comes with one of the extras."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(
            f"This needs the package {package!r}, which is not installed; nothing was computed or written. "
            f"Install it with: pip install 'aymara-async[{extra}]'"
        )
        self.extra = extra
        """The extra that brings the package."""


class StatisticsError(RequestValidationError):
    """An argument makes no sense to a statistic; nothing was computed."""


def check_share(name: str, value: float, *, is_open: bool = False) -> None:
    """Refuse what is no share, 0.0 to 1.0; with ``is_open`` the ends are refused too."""
    fits = 0.0 < value < 1.0 if is_open else 0.0 <= value <= 1.0
    if not fits:
        raise StatisticsError(
            f"{name} is {value!r}, but must be {'between' if is_open else 'from'} 0.0 "
            f"{'and' if is_open else 'to'} 1.0, such as 0.95 for 95%. Nothing was computed.",
            path=f"$.{name}",
        )
