# `make help` lists the targets. Needs git, make and a Python 3.11 to 3.13 with venv; the rest comes from the lock.
PYTHON ?= python3
# To use another Python as well: make test-fast PYTHON=python3.13 VENV=.venvs/3.13
VENV := .venv
BIN := $(VENV)/bin
# What is installed there; tests/test_environment.py checks it.
LOCK := requirements.lock
export CIFARLAB_LOCK := $(LOCK)
OLDEST := requirements-oldest.txt
OLDEST_VENV := .venvs/oldest
PORT ?= 8888
EXTRAS := --extra notebooks --extra grading --extra cluster --extra docs --extra dev
# Two processes, a file of tests each, in the order of conftest.py.
SIDE_BY_SIDE := -n 2 --dist loadfile --no-loadscope-reorder
# Python keeps what it has compiled, also where the user says otherwise: a hundred processes import cifarlab.
unexport PYTHONDONTWRITEBYTECODE
# Each of the two gets one core, because threads that wait for one another take a sixth more processor time.
ONE_THREAD := TF_NUM_INTRAOP_THREADS=1 OPENBLAS_NUM_THREADS=1
QUICK := $(SIDE_BY_SIDE) -p no:nbval -o addopts="--import-mode=importlib" -m "not slow and not full" tests
# Why the environment must be built again: its programs name the directory in which it was built, and its Python.
BUILT_IN := $(shell cat $(VENV)/ready 2>/dev/null)
STALE := $(shell test -e $(VENV)/ready || exit 0; test -x $(BIN)/python || { echo "its Python no longer exists"; exit; }; \
  test -z "$(BUILT_IN)" || test "$(BUILT_IN)" = "$(CURDIR)" || echo "this directory was $(BUILT_IN) when it was built")
# Jupyter and the tests find each other's programs (nbconvert, tensorboard) on the path.
export PATH := $(abspath $(BIN)):$(PATH)

.PHONY: help setup lab test test-full test-rest test-fast test-oldest quick test-browser coverage soak mutation-tests docs notebooks run-lessons train evaluate bench lock clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' Makefile | sed -E 's/^([a-z-]+):.*## (.*)/make \1\t\2/' | expand -t 20

setup: $(VENV)/ready ## make .venv from the lock (2 to 4 minutes the first time, nothing after that)

ifneq "$(STALE)" ""
$(VENV)/ready: stale
.PHONY: stale
stale:
	@echo "$(VENV) is built again: $(STALE)."
endif

# --no-deps, since the lock names everything: pip 23 would look for the latest jsonschema[format-nongpl] and refuse it.
$(VENV)/ready: $(LOCK) pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v <= (3, 13) else \
	  "cifarlab needs Python 3.11 to 3.13; this is %d.%d. Try: make $(MAKECMDGOALS) PYTHON=python3.12" % v)'
	@echo "Installing into $(VENV): 2 to 4 minutes, about 3 GB."
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r $(LOCK)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --config-settings editable_mode=compat -e .
	@echo "$(CURDIR)" > $@

lab: setup ## open JupyterLab on 127.0.0.1, with its token; as root: ARGS=--allow-root
	$(BIN)/jupyter lab --ip=127.0.0.1 --port=$(PORT) --LabApp.default_url=/lab/tree/notebooks/00_start_here.ipynb $(ARGS)

test: setup ## style, types, lessons, solutions and most tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	CIFARLAB_FORKED_KERNELS=1 $(ONE_THREAD) $(BIN)/python -m pytest $(SIDE_BY_SIDE) --durations=10 -m "not full"

test-full: setup ## all of `make test`, every attack, the real images if there are any, and the whole browser suite
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	CIFARLAB_FORKED_KERNELS=1 $(ONE_THREAD) $(BIN)/python -m pytest $(SIDE_BY_SIDE) --durations=10

# With as many threads as TensorFlow wants. Notebooks are run again, in kernels that Jupyter starts, not forks.
test-rest: setup ## only what `make test-full` adds to `make test`
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) --durations=10 -m "full or notebook"

test-fast: setup ## only style, types and the quick tests, in three to four minutes
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(ONE_THREAD) $(BIN)/python -m pytest $(QUICK)

# Without style and types: those are checked with the locked tools, against the types that the locked versions declare.
test-oldest: ## the quick tests on Python 3.11 with the oldest versions that pyproject.toml allows; PYTHON=python3.11
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if v == (3, 11) else \
	  "the oldest versions need Python 3.11; this is %d.%d. Try: make test-oldest PYTHON=python3.11" % v)'
	@$(MAKE) --no-print-directory quick VENV=$(OLDEST_VENV) LOCK=$(OLDEST)

quick: setup
	$(ONE_THREAD) $(BIN)/python -m pytest $(QUICK)

test-browser: setup ## only the tests in a real Chromium; screenshots go to artefacts/
	$(BIN)/python -m pytest tests/browser

coverage: setup ## which lines of cifarlab the tests run, including those run in kernels and subprocesses; must reach 95 %
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest $(SIDE_BY_SIDE)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

soak: setup ## fault injection for two hours: 50 kills, an hour of training, fuzzing; then fill the tables
	CIFARLAB_SOAK=1 $(BIN)/python -m pytest $(SIDE_BY_SIDE) -m fault tests
	$(BIN)/python -m tools.fault_report

mutation-tests: setup ## take each protection out of a copy and check that the tests of its row fail; ARGS="words of a row"
	$(BIN)/python -m tools.mutation_test $(ARGS)
	$(BIN)/python -m tools.fault_report

notebooks: setup ## build lessons, solutions and exercises from their sources in lessons/
	$(BIN)/python -m tools.build_notebooks $(ARGS)

docs: setup ## build the site from docs/, notebooks and docstrings into build/site; offline, nothing is executed
	$(BIN)/python -m tools.build_site

run-lessons: setup ## run every lesson headless and print a table; CIFARLAB_DATASET=cifar10 for the real images
	$(BIN)/python -m tools.run_lessons $(ARGS)

train: setup ## train on CIFAR-10, downloaded on first use; ARGS="..." for options
	$(BIN)/cifarlab train $(ARGS)

evaluate: setup ## precision @ 1 of the latest checkpoint in runs/train, once
	$(BIN)/cifarlab eval --run-once $(ARGS)

bench: setup ## measure speed and memory
	$(BIN)/python -m benchmarks

lock: ## update uv.lock, requirements.lock and requirements-oldest.txt (needs uv); maintainers only
	uv lock
	uv export --quiet --format requirements-txt $(EXTRAS) --no-emit-project -o requirements.lock
	uv pip compile --quiet pyproject.toml $(EXTRAS) --resolution lowest-direct --python-version 3.11 --python-platform linux --generate-hashes -o $(OLDEST)

clean: ## remove .venv and caches, never data or runs
	rm -rf $(VENV) .venvs build artefacts .coverage* .pytest_cache .ruff_cache .mypy_cache *.egg-info
