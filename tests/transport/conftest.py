"""Nothing of the machine's settings reaches these tests, nor does its speed."""

from hypothesis import settings

from tests.environment import clean_environment

__all__ = ["clean_environment"]

settings.register_profile("patient", deadline=None)
settings.load_profile("patient")
