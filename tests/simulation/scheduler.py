"""Threads that run one at a time, in an order that a seed decides, on a clock of their own.

A task is a greenlet. It runs until it comes to a *seam* (`step`, or a lock, a condition, a mailbox, a flag of
`SimulatedThreads`), where the seed says who goes on. Nothing else ever switches, so a seed gives the same run every
time. Time moves a little with each step, and to the next deadline when nobody can run.

Tasks belong to a *process*; killing one ends its tasks where they are: whatever they still try raises `Killed`.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from random import Random
from typing import Any

from greenlet import getcurrent, greenlet

STEP_SECONDS = 0.0005


class Killed(BaseException):
    """The process is dead; what its code does from here on has no effect."""


class Stuck(AssertionError):
    """Nobody can run, and nobody ever will."""


class Process:
    """Tasks that live and die together."""

    __slots__ = ("dead", "frozen", "name", "tasks")

    def __init__(self, name: str) -> None:
        self.name = name
        self.dead = False
        self.frozen: list[Task] | None = None
        """Its tasks that could run but for the process being paused; None while it is not."""
        self.tasks: list[Task] = []


class Task:
    __slots__ = ("ended", "greenlet", "name", "process", "thrown", "turn", "waiting", "woken")

    def __init__(self, name: str, process: Process) -> None:
        self.name = name
        self.process = process
        self.greenlet: greenlet
        self.waiting = False
        self.woken = False
        self.turn = 0
        """Tells a deadline of an earlier wait from one of this wait."""
        self.ended = False
        self.thrown = False


class Scheduler:
    def __init__(self, random: Random) -> None:
        self.now = 1000.0
        self.steps = 0
        self.pause_at = 0
        """The number of steps at which the control returns to `run`'s caller."""
        self.current: Task
        self._draw = random.random
        self._ready: list[Task] = []
        self._deadlines: list[tuple[float, int, int, Task]] = []
        self._numbers = 0
        self._hub = getcurrent()
        self._failure: BaseException | None = None

    # --- from outside the tasks

    def run(self, steps: int, until: Callable[[], bool] | None = None) -> None:
        """Let the tasks run for that many steps, or until `until()` between two of a thousand steps."""
        end = self.steps + steps
        while self.steps < end and not (until is not None and until()):
            self.pause_at = min(end, self.steps + (100 if until is not None else steps))
            self._hub = getcurrent()
            self._choose().greenlet.switch()
            if self._failure is not None:
                failure, self._failure = self._failure, None
                raise failure

    def spawn(self, work: Callable[[], None], name: str, process: Process) -> Task:
        if process.dead:
            raise Killed
        task = Task(name, process)

        def body(*_: object) -> None:
            try:
                work()
            except Killed:
                pass
            except BaseException as error:  # noqa: BLE001 - a task's edge: `run` raises it
                self._failure = error
            task.ended = True
            process.tasks.remove(task)
            if not task.thrown:
                goes_on = self._hub if self._failure is not None else self._choose().greenlet
                task.greenlet.parent = goes_on

        task.greenlet = greenlet(body, self._hub)
        process.tasks.append(task)
        self._make_ready(task)
        return task

    def kill(self, process: Process) -> None:
        """End a process where it is. Raises Killed when the caller belongs to it."""
        process.dead = True
        me = self.current
        self._ready = [task for task in self._ready if task.process is not process]
        for task in list(process.tasks):
            if task is not me and not task.ended:
                self._throw(task)
        self.current = me
        if me.process is process:
            raise Killed

    def bury(self, process: Process) -> None:
        """Kill a process from outside of the tasks, when nothing runs any more."""
        process.dead = True
        self._ready = [task for task in self._ready if task.process is not process]
        for task in list(process.tasks):
            self._throw(task)

    def _throw(self, task: Task) -> None:
        """Raise Killed where the task stands, and come back when it has ended."""
        if task.greenlet:
            self.current, task.thrown = task, True
            task.greenlet.parent = getcurrent()
            task.greenlet.throw(Killed)
        task.ended = True

    def pause(self, process: Process) -> None:
        """Stop running its tasks until `resume`."""
        process.frozen = [task for task in self._ready if task.process is process]
        self._ready = [task for task in self._ready if task.process is not process]

    def resume(self, process: Process) -> None:
        frozen, process.frozen = process.frozen or [], None
        if not process.dead:
            self._ready.extend(frozen)

    # --- seams

    def step(self) -> None:
        """A place where another task may go on."""
        me = self.current
        if me.process.dead:
            raise Killed
        self.steps += 1
        self.now += STEP_SECONDS
        if self._deadlines and self._deadlines[0][0] <= self.now:
            self._expire()
        ready = self._ready
        count = len(ready)
        place = int(self._draw() * (count + 1))
        if self.steps >= self.pause_at:
            self._make_ready(me)
            self._hub.switch()
        elif place < count and me.process.frozen is None:
            following = ready[place]
            ready[place] = me
            self.current = following
            following.greenlet.switch()
        elif me.process.frozen is not None:
            me.process.frozen.append(me)
            self._choose().greenlet.switch()
        if me.process.dead:
            raise Killed

    def wait(self, timeout: float | None) -> bool:
        """Until somebody wakes this task, or for `timeout` seconds. Whether it was woken."""
        me = self.current
        if me.process.dead:
            raise Killed
        self.steps += 1
        me.waiting, me.woken = True, False
        me.turn += 1
        if timeout is not None:
            self._numbers += 1
            heapq.heappush(self._deadlines, (self.now + timeout, self._numbers, me.turn, me))
        if self.steps >= self.pause_at:
            self._hub.switch()
        else:
            self._choose().greenlet.switch()
        if me.process.dead:
            raise Killed
        return me.woken

    def wake(self, task: Task) -> None:
        if task.waiting:
            task.waiting, task.woken = False, True
            self._make_ready(task)

    def sleep(self, seconds: float) -> None:
        self.wait(seconds)

    # --- choosing

    def _make_ready(self, task: Task) -> None:
        if task.process.dead:
            return
        if task.process.frozen is not None:
            task.process.frozen.append(task)
        else:
            self._ready.append(task)

    def _choose(self) -> Task:
        while not self._ready:
            if not self._deadlines:
                raise Stuck("no task can run")
            self.now = max(self.now, self._deadlines[0][0])
            self._expire()
        ready = self._ready
        place = int(self._draw() * len(ready))
        task = ready[place]
        ready[place] = ready[-1]
        ready.pop()
        self.current = task
        return task

    def _expire(self) -> None:
        deadlines = self._deadlines
        while deadlines and deadlines[0][0] <= self.now:
            _, _, turn, task = heapq.heappop(deadlines)
            if task.waiting and task.turn == turn:
                task.waiting = False
                self._make_ready(task)


class SimulatedThreads:
    """`cdc_agent.flow.threads.Threads` for one process."""

    def __init__(self, scheduler: Scheduler, process: Process) -> None:
        self._scheduler = scheduler
        self._process = process

    def clock(self) -> float:
        return self._scheduler.now

    def start(self, work: Callable[[], None], name: str) -> _Thread:
        return _Thread(self._scheduler, work, name, self._process)

    def flag(self) -> _Flag:
        return _Flag(self._scheduler)

    def lock(self) -> _Lock:
        return _Lock(self._scheduler)

    def condition(self) -> tuple[_Lock, _Condition]:
        lock = _Lock(self._scheduler)
        return lock, _Condition(self._scheduler, lock)

    def mailbox(self) -> _Mailbox:
        return _Mailbox(self._scheduler)


class _Waiters:
    """Tasks that wait for one thing."""

    __slots__ = ("scheduler", "tasks")

    def __init__(self, scheduler: Scheduler) -> None:
        self.scheduler = scheduler
        self.tasks: list[Task] = []

    def wait(self, timeout: float | None = None) -> bool:
        me = self.scheduler.current
        self.tasks.append(me)
        try:
            return self.scheduler.wait(timeout)
        finally:
            if me in self.tasks:
                self.tasks.remove(me)

    def wake(self, count: int | None = None) -> None:
        for task in self.tasks[:count]:
            self.tasks.remove(task)
            self.scheduler.wake(task)


class _Thread:
    def __init__(self, scheduler: Scheduler, work: Callable[[], None], name: str, process: Process) -> None:
        self._waiters = _Waiters(scheduler)

        def whole() -> None:
            try:
                work()
            finally:
                self._waiters.wake()

        self._task = scheduler.spawn(whole, name, process)

    def join(self, timeout: float | None = None) -> None:
        if not self._task.ended:
            self._waiters.wait(timeout)


class _Flag:
    def __init__(self, scheduler: Scheduler) -> None:
        self._waiters = _Waiters(scheduler)
        self._set = False

    def is_set(self) -> bool:
        return self._set

    def set(self) -> None:
        self._set = True
        self._waiters.wake()

    def wait(self, timeout: float | None = None) -> bool:
        if not self._set:
            self._waiters.wait(timeout)
        return self._set


class _Lock:
    __slots__ = ("_held", "_scheduler", "_waiters")

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._waiters = _Waiters(scheduler)
        self._held = False

    def __enter__(self) -> bool:
        self._scheduler.step()
        self.take()
        return True

    def take(self) -> None:
        while self._held:
            self._waiters.wait()
        self._held = True

    def __exit__(self, *_: object) -> None:
        self.release()

    def release(self) -> None:
        self._held = False
        self._waiters.wake(1)


class _Condition:
    def __init__(self, scheduler: Scheduler, lock: _Lock) -> None:
        self._lock = lock
        self._waiters = _Waiters(scheduler)

    def __enter__(self) -> bool:
        return self._lock.__enter__()

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    def wait(self, timeout: float | None = None) -> bool:
        self._lock.release()
        woken = self._waiters.wait(timeout)
        self._lock.take()
        return woken

    def notify(self, n: int = 1) -> None:
        self._waiters.wake(n)

    def notify_all(self) -> None:
        self._waiters.wake()


class _Mailbox:
    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._waiters = _Waiters(scheduler)
        self._items: list[Any] = []

    def put(self, item: Any) -> None:
        self._scheduler.step()
        self._items.append(item)
        self._waiters.wake(1)

    def get(self) -> Any:
        while not self._items:
            self._waiters.wait()
        return self._items.pop(0)
