# Start with `make run` or `make test`; both first install what they need.
PYTHON  ?= python3
VENV    := .venv
BIN     := $(VENV)/bin
RUNTIME := $(VENV)/.runtime
READY   := $(VENV)/.ready
LOCKS   := requirements.lock $(foreach extra,embedded dev bench audit,requirements-$(extra).lock)
INSTALL := $(BIN)/python -m pip install --disable-pip-version-check --require-hashes
COMPILE := $(BIN)/pip-compile --quiet --upgrade --generate-hashes --allow-unsafe --strip-extras --no-header --no-annotate \
  --no-emit-index-url --no-emit-trusted-host --no-emit-find-links
EXTRA   := $(BIN)/python -c 'import sys, tomllib; \
  print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"][sys.argv[1]], sep="\n")'
MINUTES ?= 10

.PHONY: run test fuzz check audit bench attack format contract lock help
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

attack: $(READY)    ## attack the service, write what another user notices into SECURITY.md (5 minutes)
	@$(BIN)/python -m bench.attack

format: $(READY)    ## run ruff format and apply fixes
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

contract: $(RUNTIME)    ## write docs/schema.graphql and docs/openapi.json
	$(BIN)/todo schema > docs/schema.graphql
	$(BIN)/todo openapi > docs/openapi.json

audit: $(VENV)/.audit    ## look up known vulnerabilities of the locked packages
	@$(BIN)/python .ci/audit.py $(BIN)/pip-audit $(LOCKS)

# Each lock file is compiled with those before it as constraints, so that a package has one version in all of them.
lock: $(READY)    ## update requirements*.lock from pyproject.toml
	$(COMPILE) --extra redis --build-deps-for wheel --build-deps-for editable --output-file requirements.lock pyproject.toml
	constraints="--constraint requirements.lock"; for extra in embedded dev bench audit; do \
	  $(EXTRA) $$extra | $(COMPILE) $$constraints --output-file requirements-$$extra.lock - || exit 1; \
	  constraints="$$constraints --constraint requirements-$$extra.lock"; \
	done

# The lock files pin all versions with their hashes: requirements.lock for the service, the others for the extras. The service itself
# is built with the locked setuptools. `make run` needs no tools for tests.
$(RUNTIME): pyproject.toml requirements.lock requirements-embedded.lock
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is required, found " + sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	@echo "Installing the service into $(VENV), once; this takes about half a minute."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(INSTALL) --requirement requirements.lock --requirement requirements-embedded.lock
	@$(BIN)/python -m pip install --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(READY): $(RUNTIME) requirements-dev.lock
	@echo "Installing the tools for tests and checks into $(VENV), once; this takes about a minute."
	@$(INSTALL) --requirement requirements-dev.lock
	@touch $@

$(VENV)/.bench: $(READY) requirements-bench.lock
	@$(INSTALL) --requirement requirements-bench.lock
	@touch $@

$(VENV)/.audit: $(READY) requirements-audit.lock
	@$(INSTALL) --requirement requirements-audit.lock
	@touch $@
