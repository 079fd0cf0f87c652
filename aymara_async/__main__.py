"""``python -m aymara_async`` is the command ``aymara-async``."""

from __future__ import annotations

from aymara_async.cli import main

if __name__ == "__main__":
    main()
