"""What the server remembers, in SQLite: one file per family of the API."""
