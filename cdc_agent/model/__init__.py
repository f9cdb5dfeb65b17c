"""The vocabulary, pure: changes, values, positions, tables, writes, steps, checkpoints."""
