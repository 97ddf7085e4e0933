# make chat   environment, install, sample documents, Gradio on http://127.0.0.1:7860
# make test   the whole test suite
# make vllm   an environment of vLLM's own (2 GB, in the cache), without which the tests that serve with it are skipped
# make gate   the questions over the sample documents, against the figures that are kept; fails if something got worse
# Needs Python 3.11 or newer (PYTHON=/path/to/python picks one) and nothing else.

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
KB     ?= sample
# Processes that run tests; each may take 4 GB.
WORKERS ?= 2

.PHONY: chat test vllm gate lint install dev clean help

help:
	@sed -n '1,5p' Makefile

chat: $(VENV)/.installed
	@$(BIN)/ragbot ui --kb $(KB) --ingest data/corpus

test: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -m "not slow" -n $(WORKERS) --no-loadscope-reorder

vllm: $(VENV)/.installed-dev
	$(BIN)/python -m eval.benchmarks.vllm_environment

# Without the reader, which takes a second a question: it has tests of its own.
gate: $(VENV)/.installed
	$(BIN)/ragbot eval run data/eval/sample.jsonl --documents data/corpus --llm extractive \
	  --baseline data/eval/baseline.json --fail-on regression

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

install: $(VENV)/.installed
dev: $(VENV)/.installed-dev

# Old versions of pip resolve for minutes and drop extras whose names are spelled the new way.
# The stamp is written last, so that what broke off half-way is done again.
$(VENV)/.pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "ragbot needs Python 3.11 or newer; found $$($(PYTHON) --version 2>&1). Try: make PYTHON=/path/to/python3.12"; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=26"
	@touch $@

$(VENV)/.installed: $(VENV)/.pip pyproject.toml constraints.txt
	@echo "Installing ragbot and its packages (once, 3 GB on disk) …"
	$(BIN)/python -m pip install --quiet --editable ".[all]" --constraint constraints.txt
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --editable ".[all,dev]" --constraint constraints.txt
	@touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info
