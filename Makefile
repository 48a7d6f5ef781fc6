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

.PHONY: help run serve test check fmt clean browser lock

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
	$(BIN)/pytest -q

fmt: $(VENV)/.ready-dev ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: ## write the lock files again (needs uv): names, versions and hashes, no addresses
	@for dev in "" "--group dev"; do \
	  uv pip compile --quiet pyproject.toml build.in $$dev --universal --python-version 3.11 --generate-hashes \
	    --no-emit-index-url --no-header --no-annotate -o requirements$${dev:+-dev}.lock; done

clean: ## remove the built site, the ledger and the sandbox's state (not the environment)
	rm -rf output var
