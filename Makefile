# Start with `make run` or `make test`; both first install what they need.
PYTHON  ?= python3
VENV    := .venv
BIN     := $(VENV)/bin
RUNTIME := $(VENV)/.runtime
READY   := $(VENV)/.ready
INSTALL := $(BIN)/python -m pip install --disable-pip-version-check --constraint requirements.lock --editable
MINUTES ?= 10

.PHONY: run test fuzz check bench format contract lock help
help:    ## list the commands
	@grep -hE '^[a-z]+: .*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

run: $(RUNTIME)    ## migrate the database and start the service on 127.0.0.1:$PORT (8000)
	@exec $(BIN)/todo serve --migrate

test: $(READY)    ## run all tests against an embedded PostgreSQL
	$(BIN)/pytest

fuzz: $(READY)    ## run the fuzzers for $MINUTES (10)
	@$(BIN)/python -m tests.fuzzing --minutes $(MINUTES)

check: $(READY)    ## run ruff, mypy and import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.bench    ## compare the service with its baselines (30 minutes, needs wrk), write bench/RESULTS.md
	@command -v wrk > /dev/null || { echo "make bench: wrk is not installed: apt-get install wrk" >&2; exit 1; }
	@$(BIN)/python -m bench

format: $(READY)    ## run ruff format and apply fixes
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

contract: $(RUNTIME)    ## write docs/schema.graphql and docs/openapi.json
	$(BIN)/todo schema > docs/schema.graphql
	$(BIN)/todo openapi > docs/openapi.json

lock: $(READY)    ## update requirements.lock from pyproject.toml
	$(BIN)/pip-compile --quiet --upgrade --all-extras --strip-extras --no-header --no-annotate \
	  --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --output-file requirements.lock pyproject.toml

# requirements.lock pins all versions; the extras select which packages are installed. `make run` needs no tools for tests.
$(RUNTIME): pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is required, found " + sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	@echo "Installing the service into $(VENV), once; this takes about half a minute."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(INSTALL) '.[embedded]'
	@touch $@

$(READY): $(RUNTIME)
	@echo "Installing the tools for tests and checks into $(VENV), once; this takes about a minute."
	@$(INSTALL) '.[embedded,dev]'
	@touch $@

$(VENV)/.bench: $(READY)
	@$(INSTALL) '.[bench]'
	@touch $@
