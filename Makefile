# What people, bots and CI call. `make` alone lists it.

PYTHON ?= python3
BIN := .venv/bin
# Passed on to the command behind a target, as in: make up ARGS=--detach
ARGS ?=
# Passed on to the set-up, as in: make up SETUP=--pip
SETUP ?=

LOCK := uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	--no-emit-index-url --no-emit-find-links pyproject.toml

# Where it is set, each of the processes that tests start would compile all it imports anew.
unexport PYTHONDONTWRITEBYTECODE
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
.PHONY: help up test check bench soak release lock fmt clean environment environment-dev static quick debian clients actionlint github ui

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-7s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# exec: Ctrl-C and SIGTERM reach the service itself, with no shell between.
# The dashboard is built beside it, where that is to be done and there is npm; `ready` does not wait for it.
up: environment ## set up what is missing, then run Council in the foreground until Ctrl-C
	@(nice $(PYTHON) tools/dashboard.py --quiet &); exec $(BIN)/council up $(ARGS)

# What it needs is fetched while the static checks run.
test: environment-dev ## everything: static checks and all tests, with Debian packages when it may install them
	@$(MAKE) -j3 --output-sync=target debian clients actionlint github ui static
	@$(if $(ARGS),$(BIN)/pytest -ra $(ARGS),$(BIN)/python tools/run_tests.py)

# Coverage doubles the time: make check ARGS=--cov
check: environment-dev ## the quick half, under 90 s: static checks and unit tests, but not the long ones
	@$(MAKE) -j2 static quick

quick:
	@$(BIN)/pytest -ra -n auto --dist worksteal --quick tests/unit $(ARGS)

debian:
	@$(PYTHON) tools/install_debian.py postgresql redis-server firejail bubblewrap runsc libseccomp2 wordnet-base prometheus prometheus-alertmanager strace gpg gpg-agent restic openssh-server chromium

clients:
	@$(PYTHON) tools/setup_clients.py $(SETUP)

actionlint:
	@$(PYTHON) tools/setup_actionlint.py

github:
	@$(PYTHON) tools/setup_github.py

static:
	$(BIN)/ruff format --check --quiet
	$(BIN)/ruff check --quiet
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tools/reference.py --check
	$(BIN)/python tools/monitoring.py --check

bench: environment-dev ## measure us and the peers in one run, write benchmarks/results
	@$(BIN)/python benchmarks/run.py $(ARGS)

soak: environment-dev ## the long forms: hours of load and faults
	@$(BIN)/python benchmarks/soak.py $(ARGS)

ui: ## check the dashboard's sources and build them; says why where there is no npm
	@$(PYTHON) tools/check_ui.py

# RELEASE_KEY: the fingerprint of a key of your own gpg.
release: ## build the release of this commit into dist/VERSION; RELEASE_KEY=FINGERPRINT signs it
	@$(PYTHON) tools/release.py $(if $(RELEASE_KEY),--key $(RELEASE_KEY)) $(ARGS)

lock: ## resolve pyproject.toml anew into the lock files (needs uv)
	$(LOCK) --extra local --group model --group build -o requirements.lock
	$(LOCK) --extra local --extra postgres --extra notify --extra otel --group model --group build --group dev \
		-c requirements.lock -o requirements-dev.lock
	$(filter-out pyproject.toml,$(LOCK)) --group release -c requirements-dev.lock -o requirements-release.lock
	$(filter-out pyproject.toml,$(LOCK)) --group clients -o requirements-clients.lock
	$(filter-out pyproject.toml,$(LOCK)) --group ci -c requirements.lock -o deploy/github/scripts/council.lock

fmt: environment-dev ## format, mend what the linter can, write the reference pages and deploy/
	@$(BIN)/ruff format
	@$(BIN)/ruff check --fix
	@$(BIN)/python tools/reference.py
	@$(BIN)/python tools/monitoring.py

clean: ## remove .venv and all caches of this checkout; your Council's home is not touched
	@rm -rf .venv .venv-clients .github-description .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage .coverage.* dist build ui/dist ui/node_modules
	@find src tests benchmarks tools -name __pycache__ -type d -prune -exec rm -rf {} +

environment:
	@$(PYTHON) tools/setup_env.py $(SETUP)

environment-dev:
	@$(PYTHON) tools/setup_env.py --dev $(SETUP)
