# Two commands: `make book` builds the book, `make test` proves it. `make help` lists the rest.
PYTHON ?= python3
PORT ?= 8000
VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check
NOTEBOOKS := $(wildcard chapters/*.ipynb book/*.ipynb)
# What notebooks see while a command runs them: no progress bars, no date in pictures. And one thread: their networks are
# small, and threads that wait for each other on a busy machine took fifty times as long.
QUIET := CNNLIB_QUIET=1 SOURCE_DATE_EPOCH=0
NOTEBOOK := $(QUIET) OMP_NUM_THREADS=1

.DEFAULT_GOAL := help
.PHONY: book serve lab test test-all execute bench dist lint repository clean help browser print

book: $(VENV)/.book ## build what has changed of the book into _build/html (installs what building needs; no torch)
	@$(PY) -m book.tools.build

serve: $(VENV)/.book ## build the book, serve it on PORT=8000, open a browser, and follow what you change
	@$(PY) -m book.tools.serve $(PORT)

print: book ## make the print form in _build/print: one HTML file and, where a Chromium is found, a PDF
	$(PY) -m book.tools.print_form

lab: $(VENV)/.all ## install everything and open the chapters in JupyterLab (TORCH_INDEX=address: another torch build)
	$(PY) -m jupyter lab --notebook-dir=. chapters

test: lint book browser ## everything a change must pass: lint, book, unit tests, notebooks, browser
	$(NOTEBOOK) $(PY) -m pytest tests $(NOTEBOOKS) -m "not slow" --nbval --nbval-sanitize-with tests/nbval_sanitize.cfg \
		-n auto --dist loadfile --no-loadscope-reorder  # a file stays with its worker; their order: tests/conftest.py

test-all: test ## make test, then what is slower
	$(QUIET) $(PY) -m pytest tests -m slow

execute: $(VENV)/.all ## run all notebooks in place and clean their outputs (NOTEBOOKS="a.ipynb b.ipynb": these only)
	$(NOTEBOOK) $(PY) -m book.tools.execute $(NOTEBOOKS)

dist: book ## cnnlib's wheel, and the book as a zip that opens from the disk, into dist/
	rm -rf dist
	$(PIP) wheel --quiet --no-deps --wheel-dir dist .
	$(PY) -m book.tools.offline dist

bench: book browser ## measure cnnlib and the book beside their peers (PARTS="pages inference": these only)
	$(PY) -m benchmarks $(PARTS)

lint: $(VENV)/.all ## check style, the notebooks and all that derives from the repository's address
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m book.tools.lint_notebooks $(NOTEBOOKS)
	$(PY) -m book.tools.repository --check

repository: $(VENV)/.book ## say where this repository lives: GITHUB=owner/name (none: git's remote "origin")
	$(PY) -m book.tools.repository $(GITHUB)

clean: ## remove what was built and cached; .venv stays
	rm -rf _build build dist .pytest_cache .ruff_cache .hypothesis
	find book cnnlib chapters tests benchmarks \( -name __pycache__ -o -name .ipynb_checkpoints \) -prune -exec rm -rf {} + 2>/dev/null || true

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# The browser tests want a Chromium: CHROMIUM, one on PATH, or the browser tool's own. With none they skip and say so.
browser: $(VENV)/.all
	@[ -n "$$CHROMIUM" ] || command -v chromium-headless-shell || command -v chromium || command -v chromium-browser \
		|| command -v google-chrome || $(PY) -m playwright install chromium || echo "No Chromium here: the browser tests will be skipped."

$(PY):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Python 3.11 or newer is needed; $(PYTHON) is $$($(PYTHON) --version 2>&1). Try: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

# Stamps: a second run installs nothing.
$(VENV)/.book: requirements-book.txt constraints.txt | $(PY)
	@echo "Installing what building the book needs (once) ..."
	$(PIP) install --quiet -r requirements-book.txt -c constraints.txt
	@touch $@

$(VENV)/.all: requirements.txt pyproject.toml $(VENV)/.book
	@echo "Installing torch and all the rest (once; torch alone is several GB on Linux) ..."
ifdef TORCH_INDEX
	$(PIP) install --index-url $(TORCH_INDEX) $$(grep -E '^torch(vision)?==' requirements.txt)
endif
	$(PIP) install --quiet -r requirements.txt -c constraints.txt
	$(PIP) install --quiet --no-deps -e .
	@touch $@
