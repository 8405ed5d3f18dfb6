# The front door: `make` lists what there is. Each target sets up .venv first, where that is due.

.DEFAULT_GOAL := help
LINTERS := types style arrows dockerfile
.PHONY: help setup run serve check test coverage lint format bench notebook notebook-update docs image test-image lock audit clean
.PHONY: fast-tests $(LINTERS)

PYTHON ?= $(shell for python in python3.11 python3 python; do command -v $$python && break; done)
# Which TensorFlow: gpu brings NVIDIA's libraries, too.
ACCELERATOR ?= $(if $(wildcard /dev/nvidia0),gpu,cpu)
VENV := .venv
BIN := $(VENV)/bin
# What runs; and what tests, checks and executes the notebook, beside it.
RUNS := requirements.txt requirements-$(ACCELERATOR).txt requirements-serve.txt
INSTALLED := $(VENV)/.installed-$(ACCELERATOR)
DEVELOPS := $(VENV)/.develops-$(ACCELERATOR)
# What builds the site has an environment of its own.
SITE := .venv-docs
SITE_INSTALLED := $(SITE)/.installed-site
# Filled by pip where uv is not on the machine; see tools/install.sh.
UV_FOLDER := .cache/uv
ENGINE ?= $(or $(shell for e in docker podman; do $$e info >/dev/null 2>&1 && echo $$e && break; done),docker)
IMAGE ?= albert-tfx
# Of every image of the Dockerfile; what a build leaves without a tag goes by it.
IMAGE_LABEL := org.opencontainers.image.title=albert-tfx
INSTALL := PYTHON="$(PYTHON)" UV_FOLDER="$(UV_FOLDER)" tools/install.sh
# Runs targets beside each other; shows the output of each in one piece, and all that fail.
TOGETHER = $(MAKE) --no-print-directory --jobs --keep-going --output-sync=target
# Shares test files among processes.
WORKERS := --numprocesses auto --maxprocesses 4 --dist loadfile

export TF_USE_LEGACY_KERAS := 1
export TF_CPP_MIN_LOG_LEVEL ?= 2

help: ## Say what can be made
	@awk 'BEGIN {FS = ":.*## "} /^[a-z.-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "  Options of the main job: make run ARGS='--help-all'"

$(INSTALLED): $(RUNS) albert_tfx_startup.py tools/install.sh
	@$(INSTALL) $(VENV) $(RUNS)
	@rm -f $(VENV)/.installed-* && touch $@

$(DEVELOPS): $(INSTALLED) requirements-dev.txt
	@$(INSTALL) $(VENV) $(RUNS) requirements-dev.txt
	@touch $@

$(SITE_INSTALLED): tools/site/requirements.txt tools/install.sh
	@$(INSTALL) $(SITE) tools/site/requirements.txt
	@touch $@

setup: $(INSTALLED) ## Install what runs into .venv (ACCELERATOR=cpu or gpu)

run: $(INSTALLED) ## Train, compare, push: the sample (ARGS= adds options)
	@$(BIN)/python local_runner.py $(ARGS)

serve: $(INSTALLED) ## Answer on 127.0.0.1 with the newest model (ARGS=)
	@$(BIN)/python serve.py $(ARGS)

check: $(DEVELOPS) ## Lint beside the fast tests, under a minute (ARGS=)
	@$(TOGETHER) $(LINTERS) fast-tests

test: lint ## Lint, then every test, a quarter of an hour (ARGS=)
	@$(BIN)/python -m pytest $(ARGS)

fast-tests:
	@$(BIN)/python -m pytest --fast $(WORKERS) $(ARGS)

coverage: $(DEVELOPS) ## Every test, then the lines that none reached (ARGS=)
	@$(BIN)/python -m pytest --cov --cov-report=term-missing:skip-covered $(ARGS)

lint: $(DEVELOPS) ## Check style, types, and which room imports which
	@$(TOGETHER) $(LINTERS)

types:
	@$(BIN)/mypy

style:
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet .

arrows:
	@$(BIN)/lint-imports --no-logo >/dev/null || $(BIN)/lint-imports

dockerfile:
	@$(BIN)/hadolint Dockerfile

format: $(DEVELOPS) ## Put the code into the form that lint asks for
	@$(BIN)/ruff check --fix --quiet .
	@$(BIN)/ruff format .

bench: $(INSTALLED) ## Run the benchmarks that the README quotes
	@$(BIN)/python benchmarks/run_all.py $(ARGS)

notebook: $(DEVELOPS) ## Execute a copy of the notebook on the runs in output/
	@$(BIN)/python tools/execute_notebook.py $(ARGS)

notebook-update: $(DEVELOPS) ## The same, into the notebook itself (for maintainers)
	@$(BIN)/python tools/execute_notebook.py --update $(ARGS)

docs: $(SITE_INSTALLED) ## Build the documents as a site, build/site/index.html
	@NO_MKDOCS_2_WARNING=1 $(SITE)/bin/mkdocs build --quiet
	@echo "build/site/index.html; with search: python -m http.server --bind 127.0.0.1 --directory build/site"

image: ## Build the tasks' image, by docker or podman (ARGS=)
	@$(ENGINE) build --target tasks --tag $(IMAGE) $(ARGS) .
	@$(ENGINE) image prune --force --filter label=$(IMAGE_LABEL) >/dev/null

test-image: $(DEVELOPS) ## Test that image (IMAGE= names another one)
	@IMAGE=$(IMAGE) $(BIN)/python -m pytest -rs tests/test_image.py $(ARGS)

lock: ## Pin every package, with hashes (needs uv)
	@tools/lock.sh

audit: ## Look up advisories on every pinned package (needs uv)
	uv tool run pip-audit --no-deps --disable-pip $(addprefix -r ,$(wildcard requirements*.txt) tools/site/requirements.txt)

clean: ## Remove what was built here; outputs of runs stay
	rm -rf $(VENV) $(SITE) .cache/uv .mypy_cache .pytest_cache .ruff_cache build *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
