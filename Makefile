# What people need. `make help` lists it.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PORT ?= 8000

.DEFAULT_GOAL := help
.PHONY: help install editor up test test-quick bench check clean

help: ## List the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

# The stamp carries the digest of what was asked for, so that a changed lock installs again and nothing else does.
WANTED := $(shell cat requirements.txt requirements/torch.txt requirements/structure_editor.py 2>/dev/null | cksum | tr ' ' '-')
STAMP := $(VENV)/.installed-$(WANTED)

$(STAMP):
	@$(PYTHON) -c 'import sys; sys.exit(not ((3, 11) <= sys.version_info[:2] <= (3, 12)))' \
	  || { echo "DesignLab needs Python 3.11 or 3.12; name one: make PYTHON=python3.11 $(MAKECMDGOALS)"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing what DesignLab needs into $(VENV) (a few minutes at the first time) ..."
	@$(BIN)/pip install --quiet --disable-pip-version-check -r requirements/torch.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps -r requirements.txt
	@$(BIN)/python requirements/structure_editor.py
	@rm -f $(VENV)/.installed-* && touch $@

install: $(STAMP) ## Prepare the environment (.venv)

editor: install ## Fetch the structure editor again, where the first time had no connection
	@$(BIN)/python requirements/structure_editor.py

up: install ## Start everything on this machine; PORT=8000, Ctrl-C stops, again resumes
	@exec $(BIN)/python manage.py up --port $(PORT)

test: install ## Run the whole test suite, in a real browser too
	@$(BIN)/python -m tests.browser_at_hand
	@$(BIN)/python -m pytest $(TESTS)

test-quick: install ## Run the tests that start no browser and kill no process
	@$(BIN)/python -m pytest -m "not browser and not chaos and not slow" $(TESTS)

bench: install ## Measure speed; BENCH="rewards" for one, figures in var/bench.json
	@$(BIN)/python -m benchmarks $(BENCH)

check: install ## Linter, format, types, import rules, migrations
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/python -m pytest -q tests/architecture
	@$(BIN)/python manage.py makemigrations --check --dry-run

clean: ## Remove the environment; data under var/ stay
	@rm -rf $(VENV)
