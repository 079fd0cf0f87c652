"""What runs in a contestant's process, and how its samples become numbers."""
