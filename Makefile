# The two commands of the project, and the checks that go before a commit.
# `make demo` and `make test` install what they need into .venv first; a second run installs nothing.
SHELL := /bin/bash
PY := .venv/bin/python

.PHONY: help install demo test test-slow test-interop lint clean

help:
	@echo "make demo       install, then crowds, the loop, one table, images, a short training"
	@echo "make test       install, run the tests"
	@echo "make test-slow  the longer tests alone"
	@echo "make test-interop  against the real packages of others, in .venv-interop"
	@echo "make lint       ruff check and ruff format --check"
	@echo "make clean      remove .venv, .venv-interop and outputs/"

install:
	@bash tools/install.sh

demo: install
	@$(PY) demos/demo.py

# one thread a process: two processes of two threads each take twice as long on two cores
test: install
	@OMP_NUM_THREADS=1 $(PY) -m pytest -n 2

test-slow: install
	@OMP_NUM_THREADS=1 $(PY) -m pytest -n 2 -m slow

test-interop: install
	@bash tools/install_interop.sh
	@OMP_NUM_THREADS=1 .venv-interop/bin/python -m pytest -n 2 -m interop

lint: install
	@$(PY) -m ruff check . && $(PY) -m ruff format --check .

clean:
	rm -rf .venv .venv-interop outputs
