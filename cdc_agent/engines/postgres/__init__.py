"""PostgreSQL 14 and newer: the connection, the catalogue, the types and the quoting that every step shares."""
