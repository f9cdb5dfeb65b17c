"""cdc-agent keeps live PostgreSQL, MySQL and MariaDB databases in step from their own logs."""

__version__ = "0.1.0"
