# make demo   set up, then the whole thread on embedded input
# make results  all eight models on rendered data, three trials each, into docs/results.md (about an hour)
# make test   set up, then every check: format, lint, types, floors, tests, the built wheel
# Needs Python 3.11 or newer and nothing else; PYTHON=python3.12 chooses one.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: demo results test setup format wheel clean
.DEFAULT_GOAL := test

setup: $(VENV)/installed

$(VENV)/installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "egotool needs Python 3.11 or newer; run: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

demo: setup
	$(BIN)/egotool demo --out demo

results: setup
	$(BIN)/python -m benchmarks.results

test: setup
	$(BIN)/ruff format --check src tests benchmarks
	$(BIN)/ruff check src tests benchmarks
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tests/wheel.py
	$(BIN)/python -m pytest -n 2

format: setup
	$(BIN)/ruff check --fix src tests benchmarks
	$(BIN)/ruff format src tests benchmarks

wheel: setup
	$(BIN)/python -m build --wheel --outdir dist

clean:
	rm -rf $(VENV) build dist demo
