# printledger. `make` alone lists what there is.

# The first Python on the machine that is new enough and can make environments; PYTHON=… chooses another. The system's own
# comes first: distributions build it with profile-guided optimisation, which is 15 % of the ledger's speed.
PYTHON ?= $(shell for p in /usr/bin/python3 python3 python3.11 python3.12 python3.13 python3.14; do \
	"$$p" -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo "$$p"; break; }; done)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install -q --disable-pip-version-check
DATA ?= $(or $(DATA_DIR),.data)
# A machine's cores are shared by the stack under test, so more workers only wait for it.
PYTEST_WORKERS ?= 2

.DEFAULT_GOAL := help
.PHONY: help setup demo test check bench schemas lock fmt clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(VENV)/.installed ## Install what is missing: environment, jars, S3 server (idempotent)
	@$(BIN)/python -m infra.stack.install

# Where uv does not find the package index that pip is configured for, pip installs in its place.
$(VENV)/.installed: requirements-dev.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer with its venv module is missing. Install it: apt-get install python3 python3-venv"; exit 1; }
	@$(PYTHON) -m venv $(VENV)
	@echo "Installing Python packages into $(VENV) …"
	@$(PIP) --require-hashes --no-deps -r requirements-uv.lock
	@$(BIN)/uv pip install -q --python $(BIN)/python --require-hashes --no-deps -r requirements-dev.lock || \
		$(PIP) --require-hashes --no-deps -r requirements-dev.lock
	@$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

demo: setup ## Start the system and watch real orders go to the door (CI=1: end by itself)
	@$(BIN)/printledger demo --data $(DATA) $(if $(CI),--ci)

test: setup ## Run all tests on the real stack
	@$(BIN)/pytest $(if $(filter-out 0 1,$(PYTEST_WORKERS)),-n $(PYTEST_WORKERS) --dist loadscope --no-loadscope-reorder) $(TESTS)

check: $(VENV)/.installed ## Format, lint, types, import contract
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

bench: setup ## Run the benchmarks, print and write bench/results.json
	@$(BIN)/printledger bench all --json

schemas: $(VENV)/.installed ## Write the Avro schemas and the catalogue from the declarations
	@$(BIN)/python -m infra.schema_files

lock: $(VENV)/.installed ## Resolve the dependencies anew into the lock files
	@$(BIN)/uv pip compile -q pyproject.toml --universal --python-version 3.11 --generate-hashes --no-header -o requirements.lock
	@$(BIN)/uv pip compile -q pyproject.toml --group dev -c requirements.lock --universal --python-version 3.11 --generate-hashes --no-header -o requirements-dev.lock
	@$(BIN)/uv pip compile -q --group installer --universal --python-version 3.11 --generate-hashes --no-header -o requirements-uv.lock
	@$(BIN)/uv pip compile -q --group go --universal --python-version 3.11 --generate-hashes --no-header -o requirements-go.lock

fmt: $(VENV)/.installed ## Format the code and mend what the linter can
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

clean: ## Remove what setup installed and what tests left; data folders stay
	@rm -rf $(VENV) .stack .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
