# byline needs Python 3.11 or later with venv, git and make; the rest goes into .build and .nox.
# Another Python: make test PYTHON=/path/to/python

SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help demo test lint typing tests lowest coverage docs servers stack bench clean python
.NOTPARALLEL:

STEP := .ci/step
TOOLS := .build/tools
DEMO := .build/demo
PIP := -m pip --disable-pip-version-check --no-input install --quiet -c constraints.txt
NOX := $(TOOLS)/bin/python -m nox
CHECKS := lint typing tests lowest docs
SOURCES := pyproject.toml constraints.txt README.md $(shell find src -name '*.py' -o -name '*.json' -o -name '*.html')

# The first that runs and is new enough: a shim can be on PATH and not run.
PYTHON ?= $(shell for each in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	$$each -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { echo $$each; break; }; done)

help:
	@echo 'make demo      install byline and show its main job on a small example'
	@echo 'make test      run every check: lint, types, tests on each Python, lowest versions, docs'
	@echo '               make -k test goes on after a failure; make lint, typing, tests, lowest, docs run one'
	@echo 'make servers   run the tests that need real servers and a browser; .ci/run installs what they need'
	@echo 'make coverage  run the tests once more, measured'
	@echo 'make stack     run the tests that need a compiled Collector or the components of Grafana (takes minutes)'
	@echo 'make bench     measure what byline costs'
	@echo 'make clean     remove what the above made'

demo: $(DEMO)/installed
	@$(DEMO)/bin/byline demo

test: $(CHECKS)
	@echo 'All checks passed.'

$(CHECKS) coverage servers stack: $(TOOLS)/installed
	@$(STEP) $@ $(NOX) -s $@

bench: $(TOOLS)/installed
	@$(NOX) -s bench

$(TOOLS)/installed: constraints.txt | python
	@$(STEP) setup sh -c '"$(PYTHON)" -m venv --clear $(TOOLS) && $(TOOLS)/bin/python $(PIP) nox'
	@touch $@

$(DEMO)/installed: $(SOURCES) | python
	@$(STEP) setup sh -c '"$(PYTHON)" -m venv --clear $(DEMO) && $(DEMO)/bin/python $(PIP) .'
	@touch $@

python:
	@command -v git >/dev/null || { echo 'git is not on PATH. Install git, then run make again.' >&2; exit 1; }
	@[ -n "$(PYTHON)" ] || { echo 'No Python 3.11 or later is on PATH.' \
		'Install one, or name it: make test PYTHON=/path/to/python' >&2; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { echo 'This Python cannot make virtual environments:' \
		"$$(command -v $(PYTHON)). On Debian and Ubuntu: apt-get install python3-venv." \
		'Or name another: make test PYTHON=/path/to/python' >&2; exit 1; }

clean:
	@rm -rf .build .nox .coverage .coverage.* htmlcov dist docs/_build
	@rm -rf .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	@echo 'Removed what make had made.'
