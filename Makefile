# Everything a newcomer needs: `make run` and `make test`. Both set up what is missing, and only that.

# Makes .venv; any Python from 3.11 on will do.
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3.14 python3; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
ARGS ?=
# Processes that share the tests, a file at a time; ARGS="-n0" does without. Towers and browsers make many tests
# wait: one process more than there are cores keeps the cores busy.
WORKERS ?= $(shell expr $$(nproc 2>/dev/null || echo 2) + 1)
# Tests start towers and commands a hundred times: where containers forbid Python to keep what it compiled, each of
# them would compile the whole program anew.
PYTEST = env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

.PHONY: help run test check lint bench setup setup-test setup-dev frontend wheel lock clean

help:
	@echo 'make run       set up, then start the control tower with a simulated retailer (ARGS="--demo-rate 60")'
	@echo 'make test      set up, then run the tests (ARGS="-k journeys")'
	@echo 'make check     lint, types, import rules and tests: what has to pass before a merge'
	@echo 'make bench     measure the real server (docs/performance.md)'
	@echo 'make wheel     build dist/controltower-*.whl, browser code included'
	@echo 'make lock      choose newer versions for constraints.txt and package-lock.json (needs uv and npm)'
	@echo 'make clean     remove what the set-up made; the embedded database in var/ stays'

run: setup
	$(BIN)/controltower up --demo $(ARGS)

test: setup-test
	$(PYTEST) $(ARGS)

check: setup-dev
	@$(MAKE) --no-print-directory -j2 lint test

lint: setup-dev
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

bench: setup-test
	$(BIN)/python -m tests.bench $(ARGS)

setup setup-test setup-dev:
	@test -n '$(PYTHON)' || { echo 'Python 3.11 or newer is needed; name it: make PYTHON=/path/to/python3.11'; exit 1; }
	@$(PYTHON) -m tools.bootstrap $(or $(patsubst setup-%,%,$(filter setup-%,$@)),run)

frontend: setup

wheel: setup-test
	$(BIN)/python -m hatchling build -t wheel

lock: setup-dev
	uv pip compile --quiet --upgrade --universal --python-version 3.11 --all-extras \
		--no-header --no-annotate --no-emit-index-url pyproject.toml -o constraints.txt
	npm install --package-lock-only --ignore-scripts

clean:
	rm -rf .venv node_modules static/vendor dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
