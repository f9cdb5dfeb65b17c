"""The figures: which cases each has, who takes part, and how large they are by default."""
