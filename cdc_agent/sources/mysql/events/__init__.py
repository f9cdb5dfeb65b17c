"""The events of a binlog, from their bytes.

`kinds` names them, `reader` takes a packet apart into an `Event`, and `identities`, `queries` and `files` read the
bodies of those that frame row changes: whose transaction it is, its statement, and where in which file. The row events'
own content is left alone (`sources.mysql.rows`). All of it is pure, and raises DecodeError for bytes that are not such
an event.

Layouts: libs/mysql/binlog/event/control_events.h and rows_event.h of MySQL, sql/log_event.h of MariaDB, and
https://mariadb.com/kb/en/replication-protocol/.
"""
