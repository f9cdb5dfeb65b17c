"""Benchmarks on real servers that they start themselves. `python -m benchmarks` prints the table."""
