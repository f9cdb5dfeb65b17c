"""SQL expressions of the mapping, compiled to Python: `expression` is the door; `dialect` is how the engines differ."""
