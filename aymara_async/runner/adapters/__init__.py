"""Models that are not Python functions: a chat endpoint, a shell command."""
