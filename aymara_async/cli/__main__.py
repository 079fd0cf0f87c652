"""``python -m aymara_async.cli``."""

from aymara_async.cli import main

main()
