.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
DEMO_SECONDS ?= 30
# Processes that run tests side by side; they wait for servers most of the time. `make test PARALLEL=` is one alone.
PARALLEL ?= 4
ABREAST = $(if $(PARALLEL),-n $(PARALLEL) --dist load --maxschedchunk 1)

help:  ## list the doors
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | expand -t 14

$(VENV)/.ready: pyproject.toml
	docker/host/prepare
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[demo,test,lint]'
	touch $@

setup: $(VENV)/.ready  ## create the environment with everything that demo and tests need

demo: setup  ## a live two-way sync between a real PostgreSQL and a real MariaDB or MySQL
	$(BIN)/cdc-agent demo --seconds $(DEMO_SECONDS)

servers: setup  ## make the server images that the tests run (needs root; other users: servers found on PATH)
	docker/images/engine
	docker/images/build

test: setup  ## the tests on the oldest and newest server of each engine (PARALLEL= one after the other)
	docker/host/with-servers default $(BIN)/pytest $(ABREAST) $(PYTEST)

test-quick: setup  ## what needs no server, and each kind of contract and scenario on one server of each engine
	CDC_TEST_QUICK=1 docker/host/with-servers quick $(BIN)/pytest $(ABREAST) $(PYTEST)

test-all: setup  ## the tests on every server version, PostgreSQL 14, 16 and 19 and MariaDB 10.5 too, long workloads included
	CDC_TEST_SLOW=1 CDC_TEST_THOROUGH=20 docker/host/with-servers all $(BIN)/pytest $(ABREAST) $(PYTEST)

mutations: setup  ## plant faults, one at a time, and show which test notices each (MUTATIONS='a word of its name')
	docker/host/with-servers quick $(BIN)/python -m tests.mutations $(MUTATIONS)

lint: setup  ## ruff, mypy and the direction of imports
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo --no-cache

$(VENV)/.ready-bench: $(VENV)/.ready
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[bench]'
	touch $@

bench: $(VENV)/.ready-bench  ## every figure of docs/performance.md (BENCH='--mysql-image IMAGE' for MySQL, --quick)
	$(BIN)/python -m benchmarks all $(BENCH)

check: lint test  ## all that CI runs

clean:  ## remove the environment
	rm -rf $(VENV)

.PHONY: help setup demo servers test test-quick test-all mutations lint bench check clean
