"""What this SDK costs, beside the official one and the limit: ``python -m benchmarks``."""
