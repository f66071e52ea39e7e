PYTHON ?= python3
BIN = .venv/bin

.PHONY: demo test test-slow lint clean

demo: .venv/installed
	$(BIN)/keras-meta demo

test: .venv/installed
	$(BIN)/python -m pytest -m "not slow" -n auto

test-slow: .venv/installed
	$(BIN)/python -m pytest -m slow

lint: .venv/installed
	$(BIN)/python -m pip install --quiet "ruff>=0.14"
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

.venv/installed: setup.cfg setup.py
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --editable ".[plots,test]"
	touch $@

clean:
	rm -rf .venv build dist runs *.egg-info
