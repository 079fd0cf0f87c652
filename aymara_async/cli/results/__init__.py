"""What a scored run comes to, for people and for programs: the same for ``score`` and ``run``."""
