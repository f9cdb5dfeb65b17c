"""What people and machines see of a running agent: log lines and status tables."""
