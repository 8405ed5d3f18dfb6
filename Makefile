# The front door: `make` lists what there is. Each target sets up .venv first, where that is due.

.DEFAULT_GOAL := help
.PHONY: help setup run test lint format bench notebook lock clean

PYTHON ?= $(shell for python in python3.11 python3 python; do command -v $$python && break; done)
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
# Filled by pip where uv is not on the machine; see tools/install.sh.
UV_FOLDER := .cache/uv

export TF_USE_LEGACY_KERAS := 1
export TF_CPP_MIN_LOG_LEVEL ?= 2

help: ## Say what can be made
	@awk 'BEGIN {FS = ":.*## "} /^[a-z.]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "  Options of the main job: make run ARGS='--help'"

$(INSTALLED): requirements.txt albert_tfx_startup.py tools/install.sh
	@PYTHON="$(PYTHON)" UV_FOLDER="$(UV_FOLDER)" tools/install.sh $(VENV)
	@touch $@

setup: $(INSTALLED) ## Install everything into .venv (once; 4 GB)

run: $(INSTALLED) ## Train, compare and push on the sample reviews (ARGS= adds options)
	@$(BIN)/python local_runner.py $(ARGS)

test: lint ## Check style and types, then run every test (ARGS= adds pytest's options)
	@$(BIN)/python -m pytest $(ARGS)

lint: $(INSTALLED) ## Check style and types
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy
	@$(BIN)/hadolint Dockerfile

format: $(INSTALLED) ## Put the code into the form that lint asks for
	@$(BIN)/ruff check --fix --quiet .
	@$(BIN)/ruff format .

bench: $(INSTALLED) ## Run the benchmarks that the README quotes
	@$(BIN)/python benchmarks/run_all.py $(ARGS)

notebook: $(INSTALLED) ## Execute notebooks/compare_models.ipynb on the last run, and keep what it shows
	@$(BIN)/python tools/execute_notebook.py $(ARGS)

lock: ## Pin every package of pyproject.toml, with hashes, in requirements.txt (needs uv)
	uv pip compile pyproject.toml --extra dev --python-version 3.11 --generate-hashes --quiet \
		--no-emit-index-url --custom-compile-command "make lock" --output-file requirements.txt
	@# What TensorFlow needs beside it on a GPU; the overrides of pyproject.toml would drop the extra.
	grep --only-matching '^tensorflow==[0-9.]*' requirements.txt | sed 's/==/[and-cuda]==/' \
		| uv pip compile - --no-config --constraint requirements.txt --python-version 3.11 \
			--generate-hashes --no-emit-index-url --no-annotate --no-header --quiet \
		| awk '/^[a-z]/ {keep = /^nvidia-/} keep' > requirements-gpu.txt

clean: ## Remove what was built here; outputs of runs stay
	rm -rf $(VENV) .cache/uv .mypy_cache .pytest_cache .ruff_cache build *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
