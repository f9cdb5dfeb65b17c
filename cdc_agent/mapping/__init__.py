"""Routes, and the plans that are compiled and bound for them."""
