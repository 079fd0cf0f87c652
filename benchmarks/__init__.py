"""What this SDK costs, side by side with the official one and with the least that the work can cost: ``python -m benchmarks``."""
