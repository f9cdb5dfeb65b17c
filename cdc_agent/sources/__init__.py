"""The logs: one package for each engine, and what they share."""
