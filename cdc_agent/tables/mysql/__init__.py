"""MySQL and MariaDB: tables read in the text that the row decoder writes."""

from cdc_agent.tables.mysql.reader import MysqlTables

__all__ = ["MysqlTables"]
