# Everything a person types. `make run` shows the whole path on demo data; `make test` is what CI runs.
.DEFAULT_GOAL := help
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# The day the demo plays. The 2021 plan's results were judged by the law of 2021 and after; the generated year runs up to
# this day, so that repair clocks are running, objections pending and late marks on show. Change it and look again.
DEMO_DAY ?= 2026-11-20
PORT ?= 8200

.PHONY: help run serve test check fmt clean browser lock bench bench-demo bench-search leaks storm crash mutants screenshots supply

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

$(VENV)/.ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed ($(PYTHON) is older); set PYTHON=python3.12 or such"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "python3-venv is missing; install it with: sudo apt-get install -y python3-venv"; exit 1; }
	@echo "making the environment in $(VENV) (once)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.ready-dev: $(VENV)/.ready requirements-dev.lock
	@echo "installing what the tests need (once)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

run: $(VENV)/.ready ## run the demo: pull, judge, record, build, push against a sandbox
	@DEMO_DAY=$(DEMO_DAY) PORT=$(PORT) BIN=$(BIN) examples/demo.sh

serve: $(VENV)/.ready ## look at the built site on http://127.0.0.1:8000
	@$(BIN)/publisher serve

browser:
	@tests/browser.sh

test: $(VENV)/.ready-dev browser ## install what the tests need, then check and test everything
	@$(MAKE) --no-print-directory check

check: $(VENV)/.ready-dev ## format, lint, types, layers, tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m pytest -q -n 3 --dist worksteal

fmt: $(VENV)/.ready-dev ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

screenshots: $(VENV)/.ready-dev browser ## pictures of the built site, phone and desktop, light and dark, in tests/artifacts
	@$(BIN)/python tests/screenshots.py

N ?= 100000
bench: $(VENV)/.ready-dev ## figures of all stages, beside the file system, Hugo and Pelican: make bench N=1000000
	@$(BIN)/python -m tests.bench.scale --subjects $(N)

bench-demo: $(VENV)/.ready-dev ## figures of the demo and of the rules at 1,000,000 results
	@BIN=$(abspath $(BIN)) tests/bench/demo.sh
	@$(BIN)/python tests/bench/judge.py

bench-search: $(VENV)/.ready-dev browser ## figures of the search index, beside Pagefind and SQLite: make bench-search N=1000000
	@$(BIN)/python -m tests.bench.search --subjects $(N)

storm: $(VENV)/.ready-dev ## the exchange through faults and kills, three seeds
	@for seed in 1 2 3; do $(BIN)/python tests/bench/storm.py --records 20000 --kills 100 --seed $$seed || exit 1; done

crash: $(VENV)/.ready-dev ## runs killed, out of disk and fed damaged files: the next one ends where it should
	@$(BIN)/python -m tests.bench.crash --kills 200 --full 20 --damaged 20

mutants: $(VENV)/.ready-dev ## how well the tests hold the rules (docs/rules-mutants.md)
	@rm -rf var/mutants && mkdir -p var/mutants/tests/unit var/mutants/tests/data
	@cp -r src pyproject.toml var/mutants/ && cp tests/conftest.py var/mutants/tests/
	@cp -r tests/unit/rules var/mutants/tests/unit/ && cp -r tests/data/stories var/mutants/tests/data/
	@rm var/mutants/tests/unit/rules/test_redact.py var/mutants/tests/unit/rules/test_public.py
	@cd var/mutants && PUBLISHER_TEST_EXAMPLES=15 $(abspath $(BIN))/mutmut run --max-children 1 && $(abspath $(BIN))/mutmut results

leaks: $(VENV)/.ready-dev ## two thousand records through every state, and nothing left anywhere
	@PUBLISHER_TEST_CANARIES=2000 $(BIN)/python -m pytest -q -n 2 tests/unit/test_canaries.py

supply: $(VENV)/.ready-dev ## licences of all dependencies, and known vulnerabilities (asks the advisory service)
	@$(BIN)/python tests/supply.py

lock: ## write the lock files again (needs uv): names, versions and hashes, no addresses
	@for dev in "" "--group dev"; do \
	  uv pip compile --quiet pyproject.toml build.in $$dev --universal --python-version 3.11 --generate-hashes \
	    --no-emit-index-url --no-header --no-annotate -o requirements$${dev:+-dev}.lock; done

clean: ## remove the built site, the ledger and the sandbox's state (not the environment)
	rm -rf output .output.* var
