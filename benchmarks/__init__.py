"""Benchmarks on real servers that they start themselves, each figure beside its peers in the same run.

`python -m benchmarks all` measures everything, repeats it, and writes `docs/performance.md` and its plots.
"""
