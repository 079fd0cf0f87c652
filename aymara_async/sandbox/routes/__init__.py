"""The 31 operations of the API, one file per family."""
