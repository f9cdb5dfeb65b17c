"""Faults that are planted on purpose, one at a time, to show that a test notices each: `python -m tests.mutations`."""
