"""The compiler of mapping expressions: SQL in, Python out."""
