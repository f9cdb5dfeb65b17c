"""Both ends of a pipeline in memory: what the protocols promise, and nothing of any engine.

`database` keeps rows, constraints and transactions, `target` writes to it, `log` holds committed transactions, `source`
reads them. They run by themselves in the contract suites and under the scheduler in tests/simulation.
"""
