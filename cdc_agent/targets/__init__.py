"""The writing ends: one package for each engine, and what they share."""
