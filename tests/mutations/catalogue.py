"""The planted faults: what is changed in which file, and which tests must notice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Mutation:
    """One fault. `old` occurs in `file` exactly once; each of `tests` is a pytest node that needs no other argument."""

    name: str
    invariant: int
    """The number in docs/invariants.md that it breaks."""
    file: str
    old: str
    new: str
    tests: tuple[str, ...]
    chosen: str = ""
    """A `-k` expression, where the nodes hold more than is needed."""


APPLIER: Final = "cdc_agent/flow/applier.py"
BATCHING: Final = "cdc_agent/flow/batching.py"
RECOVERY: Final = "cdc_agent/flow/recovery.py"
ASSEMBLE: Final = "cdc_agent/sources/assemble.py"
PG_TARGET: Final = "cdc_agent/targets/postgres/target.py"
PG_DECODER: Final = "cdc_agent/sources/postgres/row_decoder.py"
PG_SOURCE: Final = "cdc_agent/sources/postgres/source.py"
CODERS: Final = "cdc_agent/sources/mysql/rows/coders.py"

IN_BATCHES: Final = ("tests/properties/test_batching.py",)
OF_TARGETS: Final = ("tests/contract/test_target.py",)
OF_APPLIER: Final = ("tests/contract/test_applier.py",)
OF_PG_SOURCE: Final = ("tests/contract/test_postgres_source.py",)
OF_EVENTS: Final = ("tests/unit/test_binlog_events.py",)
OF_ASSEMBLY: Final = ("tests/unit/test_assemble.py",)
OF_ENTRANCE: Final = ("tests/contract/test_entrance.py",)
SIMULATED: Final = ("tests/simulation/test_simulation.py::test_the_invariants_hold_under_every_interleaving[0]",)
OF_SCENARIOS: Final = ("tests/scenarios/test_scenarios.py",)

MUTATIONS: Final = (
    Mutation(
        "acknowledge before the commit", 2, APPLIER,
        "        self._target.commit(checkpoint if history else None)\n",
        "        self._source.acknowledge(position)\n        self._target.commit(checkpoint if history else None)\n",
        OF_APPLIER, "acknowledged_is_committed",
    ),
    Mutation(
        "the checkpoint in a transaction apart from the rows", 1, PG_TARGET,
        "        self._flight.add(self._live.compare_and_set, values, doing=_CHECKPOINTING, check=held)\n",
        "        self._flight.add(self._live.compare_and_set, values, doing=_CHECKPOINTING, check=held)\n"
        '        self._flight.add(b"COMMIT", doing="committing")\n'
        '        self._flight.add(b"BEGIN", doing="beginning a transaction")\n',
        OF_TARGETS, "rows_and_checkpoint_come_and_go_together",
    ),
    Mutation(
        "quarantine in a transaction apart from the rows", 1, PG_TARGET,
        '        """Insert rows into cdc_agent.quarantine inside the open transaction."""\n',
        '        self._flight.add(b"COMMIT", doing="committing")\n'
        '        self._flight.add(b"BEGIN", doing="beginning a transaction")\n',
        OF_TARGETS, "rows_and_checkpoint_come_and_go_together",
    ),
    Mutation(
        "the generation is not compared (PostgreSQL)", 4, "cdc_agent/store/postgres.py",
        '        "WHERE pipeline = $1::text AND generation = $4::bigint"\n',
        '        "WHERE pipeline = $1::text AND generation <= $4::bigint + 9"\n',
        OF_TARGETS, "raises_the_generation_and_stops_the_other",
    ),
    Mutation(
        "a checkpoint that matched nothing is committed (MySQL)", 4, "cdc_agent/targets/mysql/target.py",
        "        if not matched:\n", "        if matched is None:\n",
        OF_TARGETS, "raises_the_generation_and_stops_the_other",
    ),
    Mutation(
        "a batch ends inside a large transaction", 5, APPLIER,
        "        if part.last:\n            self._finish_parts(part)\n",
        "        if part.position is None:\n            self._target.commit()\n            self._open = None\n"
        "        else:\n            self._finish_parts(part)\n",
        ("tests/faults/test_large.py",),
    ),
    Mutation(
        "transactions of two paths share a batch", 7, APPLIER,
        "transaction.path != path", "transaction.path < path",
        ("tests/properties/test_batches.py",),
    ),
    Mutation(
        "the path is not extended by the source", 7, "cdc_agent/model/echo.py",
        "return path if path and path[-1] == source else (*path, source)", "return path",
        ("tests/unit/test_echo.py",),
    ),
    Mutation(
        "an echo is kept", 7, "cdc_agent/model/echo.py",
        "    return target in path\n", "    return target in path[1:]\n",
        ("tests/unit/test_echo.py", "tests/unit/test_assemble.py"),
    ),
    Mutation(
        "the position of an echo is lost", 7, ASSEMBLE,
        "        substantive = self._substantive or bool(self._pieces) or not self._first\n",
        "        substantive = self._substantive or bool(self._pieces) or not self._first\n"
        "        if self.dropping:\n            self._reset()\n            return\n",
        OF_ASSEMBLY,
    ),
    Mutation(
        "a person's write to the checkpoint counts as a marker", 7, "cdc_agent/model/echo.py",
        'if fields.get("mark") == expected else None', "if expected else None",
        ("tests/unit/test_echo.py",),
    ),
    Mutation(
        "what an aborted transaction left is kept", 3, ASSEMBLE,
        '        """A transaction starts. Whatever was pending without a commit is forgotten (an aborted XA branch)."""\n'
        "        self._reset()\n",
        "        self._first = True\n",
        OF_ASSEMBLY,
    ),
    Mutation(
        "the old key is dropped", 6, PG_DECODER,
        '            f"    append(({UPDATE}, old, row))",\n', '            f"    append(({UPDATE}, None, row))",\n',
        ("tests/properties/test_pg_row_decoder.py",),
    ),
    Mutation(
        "unchanged TOAST becomes NULL", 6, PG_DECODER,
        "    {name} = UNSENT{note}\n", "    {name} = None{note}\n",
        ("tests/properties/test_pg_row_decoder.py",),
    ),
    Mutation(
        "a column that a minimal row image left out becomes NULL", 6, "cdc_agent/sources/mysql/rows/program.py",
        "self._values.get(index, 'UNSENT')", "self._values.get(index, 'None')",
        ("tests/unit/test_mysql_values.py", "tests/properties/test_mysql_row_decoder.py"),
    ),
    Mutation(
        "a partial change overwrites what was not sent", 6, BATCHING,
        "[old if new is UNSENT else new for old, new in", "[None if new is UNSENT else new for old, new in",
        IN_BATCHES,
    ),
    Mutation(
        "a moved key is written beside the old row", 6, BATCHING,
        "                if tuple([row[i] for i in picks]) != key and not _unsent(row, picks):\n",
        "                if not picks:\n",
        IN_BATCHES,
    ),
    Mutation(
        "a removed row comes back", 3, BATCHING,
        "                removed[key] = None\n", "                removed.pop(key, None)\n",
        IN_BATCHES,
    ),
    Mutation(
        "children are written before their parents", 3, BATCHING,
        "    return [*reversed(early), *writes, *reversed(removes)]\n",
        "    return [*reversed(early), *reversed(writes), *reversed(removes)]\n",
        IN_BATCHES,
    ),
    Mutation(
        "a truncate does not wait for the writes before it", 3, BATCHING,
        "            self.flush()\n            self.done.append(segment)\n",
        "            self.done.append(segment)\n            self.flush()\n",
        IN_BATCHES,
    ),
    Mutation(
        "the target's foreign keys act too early", 3, BATCHING,
        "    return bool(binding.links) or binding.table.acts\n", "    return bool(binding.links)\n", IN_BATCHES,
    ),
    Mutation(
        "a truncate is read and not handed over", 3, ASSEMBLE,
        "        if not self.dropping:\n            self._pieces.append(truncate)\n",
        "        if self.dropping:\n            self._pieces.append(truncate)\n",
        ("tests/contract/test_source.py",), "truncate",
    ),
    Mutation(
        "what was taken back to a savepoint is kept", 3, ASSEMBLE,
        "        del self._pieces[savepoint.pieces :]\n", "        return True\n",
        SIMULATED,
    ),
    Mutation(
        "the rows of an XA branch count at its PREPARE", 3, "cdc_agent/sources/mysql/stream/xa.py",
        "        if one_phase:\n", "        if one_phase or branch.events:\n",
        ("tests/contract/test_mysql_source.py",), "xa_rows_count_at_commit",
    ),
    Mutation(
        "latin1 is taken for what the standards call so", 6, "cdc_agent/sources/mysql/rows/charsets.py",
        'byte.decode("cp1252", "ignore").encode()', 'byte.decode("latin1").encode()',
        ("tests/unit/test_mysql_values.py",),
    ),
    Mutation(
        "an idle agent does not look whether it was taken over", 4, APPLIER,
        "        elif now - self._last_contact > GENERATION_CHECK_SECONDS and self._open is None:\n"
        "            self._check_generation(now)\n",
        "",
        OF_APPLIER, "idle_agent",
    ),
    Mutation(
        "the watch does not note what the stream writes", 3, APPLIER,
        "            self._entrance.note(mapped.segments)\n", "            pass\n",
        SIMULATED,
    ),
    Mutation(
        "rows enter although the stream has written newer ones", 3, APPLIER,
        "        mapped.segments = [_without(writes, watch) for writes in",
        "        mapped.segments = [writes for writes in",
        OF_ENTRANCE, "left_alone",
    ),
    Mutation(
        "a watch does not wait for what the stream has written to be visible", 3, "cdc_agent/flow/entrance.py",
        "            self._session()()\n", "            self._session()\n",
        SIMULATED,
    ),
    Mutation(
        "a watch between two sessions waits for none", 3, "cdc_agent/flow/entrance.py",
        "            while self._settle is None:\n",
        "            if self._settle is None:\n                return lambda: None\n"
        "            while self._settle is None:\n",
        ("tests/unit/test_entrance.py",),
    ),
    Mutation(
        "what the target holds is taken for visible", 3, "cdc_agent/sources/postgres/received.py",
        "                self._held.append(begun.popleft()[1])\n", "                begun.popleft()\n",
        ("tests/unit/test_visible.py",),
    ),
    Mutation(
        "rows enter before the log has come to where they were read", 3, "cdc_agent/flow/entrance.py",
        "                elif behind is not None and not seen.reached(behind):\n", "                elif False:\n",
        ("tests/unit/test_entrance.py",),
    ),
    Mutation(
        "setup takes back the slot of a checkpoint that it has written", 3, "cdc_agent/preflight/setup.py",
        "            if self._may_be_written(name):\n                undo.pop_all()\n", "",
        ("tests/faults/test_failpoints.py::test_a_setup_that_fails_at_any_step_is_repeatable",),
        "checkpoint-after-raise",
    ),
    Mutation(
        "halving a refused batch drops a half", 3, APPLIER,
        "        self._bisect(writes.part(0, size // 2), completion, refused)\n", "",
        OF_APPLIER,
    ),
    Mutation(
        "the guard against a storm of refusals is off", 9, RECOVERY,
        "        if self._refused >= STORM_MINIMUM and", "        if self._refused < 0 and",
        ("tests/contract/test_stops.py",), "storm or refus",
    ),
    Mutation(
        "a lost answer to COMMIT is taken for a failure of the server's", 3, "cdc_agent/targets/mysql/target.py",
        "            if is_disconnect(error) or error_number(error) == _ERROR_DURING_COMMIT:\n",
        "            if error_number(error) == _ERROR_DURING_COMMIT:\n",
        OF_TARGETS, "connection_lost_at_commit",
    ),
    Mutation(
        "a keepalive acknowledges what is not applied", 2, PG_SOURCE,
        "            self._stream.received = max(self._stream.received, log_end)\n",
        "            self._stream.received = max(self._stream.received, log_end)\n"
        "            self._stream.acknowledged = self._stream.received\n",
        OF_PG_SOURCE, "only_acknowledged_positions",
    ),
    Mutation(
        "what the reader has received is acknowledged", 2, "cdc_agent/sources/postgres/stream.py",
        "        acknowledged = self.acknowledged\n        clock",
        "        acknowledged = self.received\n        clock",
        OF_PG_SOURCE, "only_acknowledged_positions",
    ),
    Mutation(
        "a changed relation is ignored", 9, PG_SOURCE,
        "                for event in self._relations.announce(relation, self._commit_lsn):\n",
        "                known = relation.oid in self._relations.names\n"
        "                for event in () if known else self._relations.announce(relation, self._commit_lsn):\n",
        OF_PG_SOURCE, "alter_table",
    ),
    Mutation(
        "a wrong checksum is passed over", 9, "cdc_agent/sources/mysql/events/reader.py",
        "        if zlib.crc32(packet, _BEFORE_STATUS) != _RESIDUE:\n            raise",
        "        if not packet:\n            raise",
        OF_EVENTS,
    ),
    Mutation(
        "a compressed payload that is cut short is taken as it is", 9, "cdc_agent/sources/mysql/compression.py",
        '        raise DecodeError("a transaction payload cannot be decompressed") from None\n', "        return\n",
        OF_EVENTS,
    ),
    Mutation(
        "unsigned integers are read as signed", 6, CODERS,
        "(unsigned if column.unsigned else signed,), size", "(signed,), size",
        ("tests/unit/test_mysql_values.py", "tests/properties/test_mysql_row_decoder.py"),
    ),
    Mutation(
        "an exception's text, and values in it, stand in the log", 8, "cdc_agent/observe/logs.py",
        '        event["exception"] = type(error).__name__\n', '        event["exception"] = repr(error)\n',
        ("tests/unit/test_logs.py",),
    ),
    Mutation(
        "a password in a URL is shown", 8, "cdc_agent/observe/logs.py",
        '    return _URL_PASSWORD.sub(r"\\1:***@", text)\n', "    return text\n",
        ("tests/unit/test_logs.py",),
    ),
)  # fmt: skip
