# LeadOps. `make demo` shows it, `make test` tests it; both make what they need.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SOURCES := leadops recipients events flows tests manage.py
RUNTIME := $(VENV)/.runtime
DEVELOPMENT := $(VENV)/.development

.DEFAULT_GOAL := help
.PHONY: help demo run test test-quick soak fuzz patterns docs lint types layers format check bench clean

help:  ## what there is
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: $(RUNTIME)  ## everything, with demo data, simulated buyers and a stream of leads
	@exec $(BIN)/python manage.py up --demo $(ARGS)

run: $(RUNTIME)  ## everything, without demo data
	@exec $(BIN)/python manage.py up $(ARGS)

test: $(DEVELOPMENT)  ## the whole test suite
	$(BIN)/python -m pytest -n 3 --dist worksteal -m "not journey" $(ARGS)
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "journey and not soak" $(ARGS)

test-quick: $(DEVELOPMENT)  ## without the tests that start whole systems or browsers
	$(BIN)/python -m pytest -n 3 --dist worksteal -m "not journey and not browser" $(ARGS)

soak: $(DEVELOPMENT)  ## what the test suite has no time for
	$(BIN)/python -m pytest -m soak $(ARGS)

fuzz: $(DEVELOPMENT)  ## random input for mappings, bodies and replies: make fuzz ARGS="--seconds 3600"
	@$(BIN)/python -m tests.fuzz $(ARGS)

patterns: $(DEVELOPMENT)  ## a million random ways of leads through every pattern
	@$(BIN)/python -m tests.flows.patterns.ways $(ARGS)

docs: $(DEVELOPMENT)  ## what the papers say of events, from the vocabulary
	@$(BIN)/python -m tests.eventtypes

lint: $(DEVELOPMENT)  ## what is plainly wrong, and the format
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)

types: $(DEVELOPMENT)  ## strict types
	$(BIN)/mypy

layers: $(DEVELOPMENT)  ## who may import whom
	$(BIN)/lint-imports

format: $(DEVELOPMENT)  ## put the source in order
	$(BIN)/ruff check --fix $(SOURCES)
	$(BIN)/ruff format $(SOURCES)

check: lint types layers test  ## all of the above

bench: $(RUNTIME)  ## the built-in load generator
	$(BIN)/python manage.py bench intake $(ARGS)
	$(BIN)/python manage.py bench deliver $(ARGS)
	$(BIN)/python manage.py bench flow $(ARGS)
	$(BIN)/python manage.py bench flow_busy $(ARGS)
	$(BIN)/python manage.py bench mapping $(ARGS)
	$(BIN)/python manage.py bench fields $(ARGS)
	$(BIN)/python manage.py bench ping $(ARGS)
	$(BIN)/python manage.py bench rules $(ARGS)

clean:  ## remove the environment and what tools left; the database stays
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "LeadOps needs Python 3.11 or later; say which: make PYTHON=python3.12 ..."; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(RUNTIME): requirements.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(DEVELOPMENT): requirements-dev.txt requirements.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@ $(RUNTIME)
