PYTHON ?= python3
BIN = .venv/bin

.PHONY: demo test test-slow test-oldest lint docs dist clean

demo: .venv/installed
	$(BIN)/keras-meta demo

test: .venv/installed
	$(BIN)/python -m pytest -m "not slow" -n auto --dist worksteal

test-slow: .venv/installed
	$(BIN)/python -m pytest -m slow

test-oldest: .venv-oldest/installed
	.venv-oldest/bin/python -m pytest -m "not slow" -n auto --dist worksteal

lint: .venv/installed
	$(BIN)/python -m pip install --quiet "codespell>=2.4" "ruff>=0.14"
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell

# The site, in build/site. To read it: $(BIN)/python -m http.server --directory build/site
docs: .venv-docs/installed
	.venv-docs/bin/python docs/site write
	.venv-docs/bin/zensical build --clean --strict
	.venv-docs/bin/python docs/site check

# The archives of a release, in dist, and what must be in them.
dist: .venv/installed
	$(BIN)/python -m pip install --quiet build twine
	rm -rf dist
	$(BIN)/python -m build --outdir dist .
	$(BIN)/python -m twine check --strict dist/*
	$(BIN)/python -m pytest tests/test_distribution.py

.venv/installed: setup.cfg setup.py
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --editable ".[plots,test]"
	touch $@

.venv-oldest/installed: setup.cfg setup.py oldest.txt
	$(PYTHON) -m venv .venv-oldest
	.venv-oldest/bin/python -m pip install --quiet --constraint oldest.txt --editable ".[plots,test]"
	touch $@

# The site is made of sources alone, without TensorFlow.
.venv-docs/installed: setup.cfg
	$(PYTHON) -m venv .venv-docs
	.venv-docs/bin/python -m pip install --quiet \
	    "latex2mathml>=3.77" "mkdocstrings-python>=2" "zensical>=0.0.70"
	touch $@

clean:
	rm -rf .venv .venv-docs .venv-oldest build dist runs *.egg-info
