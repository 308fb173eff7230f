# `make` lists what there is. Everything but `make system-packages` sets itself up in .venv and touches nothing outside this directory.

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
SHELL_FILES = .ci/run .ci/setup $(shell find inventory playbooks tests fleet -name '*.sh' -not -path 'fleet/terminal/*')
# The fragments of fleet/terminal become one program; the compiler gives it the names that no fragment sets or reads.
FRAGMENTS = cat fleet/terminal/*.sh | shellcheck --shell sh --exclude SC2034,SC2154 -

.DEFAULT_GOAL := help
.PHONY: help demo test test-long test-crash bench bench-short bench-province check format catalogues picture lock system-packages clean

help: ## List what make can do
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 18

demo: $(READY) ## Upgrade the simulated sample city; make demo ARGS="--sites 20" is the short one
	@$(BIN)/fleet demo $(ARGS)

test: check ## Run the checks, then the tests
	$(BIN)/python -m pytest -n 2 -m "not long and not crash" $(ARGS)

test-long: $(READY) ## Run the long tests
	$(BIN)/python -m pytest -m long $(ARGS)

test-crash: $(READY) ## Cut a push at every call and all along its link, and kill its orchestrator
	$(BIN)/python -m pytest -n 2 -m crash --durations=0 --durations-min=60 tests/crash $(ARGS)

bench: $(READY) ## Compare with other tools, up to an hour, into docs/benchmarks.md; make bench ARGS="--case real" is one case
	$(BIN)/python -m tests.benchmarks.compare $(ARGS)

bench-short: $(READY) ## Compare with Fabric and ssh, a minute or two; fails when a ratio is too low
	$(BIN)/python -m tests.benchmarks.compare --short

bench-province: $(READY) ## What a province costs the orchestrator, a minute or two; fails when a limit does not hold
	$(BIN)/python -m tests.benchmarks.province $(ARGS)

check: $(READY) ## Ruff, mypy, import rules, shell scripts, catalogues
	$(BIN)/ruff check --quiet .
	$(BIN)/ruff format --check --quiet .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@if command -v shellcheck >/dev/null 2>&1; then shellcheck $(SHELL_FILES) && $(FRAGMENTS); \
	elif [ -n "$(FLEET_TEST_STRICT)" ]; then echo "shellcheck is missing" >&2; exit 1; \
	else echo "skipped: shellcheck (make system-packages installs it)"; fi
	$(BIN)/python .ci/catalogues.py check

format: $(READY) ## Put the source into its usual form
	$(BIN)/ruff check --quiet --fix .
	$(BIN)/ruff format --quiet .

catalogues: $(READY) ## Bring the message catalogues up to date with the source
	$(BIN)/python .ci/catalogues.py update

picture: $(READY) ## Draw docs/tui.svg, the README's picture of the screen
	$(BIN)/python -m tests.tui.picture docs/tui.svg

lock: $(READY) ## Choose the newest libraries again and write requirements.lock
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile pyproject.toml --quiet --upgrade --universal --python-version 3.11 --all-extras --group dev \
		--generate-hashes --no-header --output-file requirements.lock

system-packages: ## Install what tests need from Debian (the only target that changes the system)
	@set -eu; as_root=; [ "$$(id -u)" -eq 0 ] || as_root=sudo; \
	packages="python3-venv $$(sed 's/#.*//' .ci/packages | awk 'NF {print $$2}' | sort -u | tr '\n' ' ')"; \
	$$as_root apt-get update -qq; \
	DEBIAN_FRONTEND=noninteractive $$as_root apt-get install -y -qq --no-install-recommends --no-upgrade $$packages

clean: ## Remove the virtual environment and everything that was built
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find fleet tests -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): requirements.lock pyproject.toml .ci/setup
	@.ci/setup $(VENV)
	@touch $@
