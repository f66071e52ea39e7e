PYTHON ?= python3
BIN = .venv/bin

.PHONY: demo test test-slow test-oldest lint clean

demo: .venv/installed
	$(BIN)/keras-meta demo

test: .venv/installed
	$(BIN)/python -m pytest -m "not slow" -n auto --dist worksteal

test-slow: .venv/installed
	$(BIN)/python -m pytest -m slow

test-oldest: .venv-oldest/installed
	.venv-oldest/bin/python -m pytest -m "not slow" -n auto --dist worksteal

lint: .venv/installed
	$(BIN)/python -m pip install --quiet "ruff>=0.14"
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

.venv/installed: setup.cfg setup.py
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --editable ".[plots,test]"
	touch $@

.venv-oldest/installed: setup.cfg setup.py oldest.txt
	$(PYTHON) -m venv .venv-oldest
	.venv-oldest/bin/python -m pip install --quiet --constraint oldest.txt --editable ".[plots,test]"
	touch $@

clean:
	rm -rf .venv .venv-oldest build dist runs *.egg-info
