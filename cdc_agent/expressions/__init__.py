"""SQL expressions of the mapping, compiled to Python."""
