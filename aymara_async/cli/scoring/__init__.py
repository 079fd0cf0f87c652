"""What ``score`` is made of."""
