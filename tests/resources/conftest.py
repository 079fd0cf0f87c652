"""Nothing of the machine's settings reaches these tests."""

from tests.environment import clean_environment

__all__ = ["clean_environment"]
