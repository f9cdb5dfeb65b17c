"""The MySQL and MariaDB target."""

from cdc_agent.targets.mysql.target import MysqlTarget

__all__ = ["MysqlTarget"]
