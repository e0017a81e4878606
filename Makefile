# `make read` and `make test` work on a fresh machine: whatever needs .venv makes it first.
# Elsewhere: `make test BIN=/path/to/venv/bin READY=` uses an environment that is there already.
PYTHON ?= python3
CONSTRAINTS ?= constraints.txt
BIN ?= .venv/bin
READY ?= .venv/.ready
PYTEST = OMP_NUM_THREADS=1 $(BIN)/pytest -n 2

.PHONY: help install read picture test test-all fuzz check contracts types coverage docs bench figures train adapters fonts clean

help:  ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/ -/'

install: $(READY)  ## make .venv with isotrope and everything to develop it

.venv/.ready: pyproject.toml $(CONSTRAINTS)
	$(PYTHON) -m venv .venv
	.venv/bin/pip install --quiet --constraint $(CONSTRAINTS) torch
	.venv/bin/pip install --quiet --constraint $(CONSTRAINTS) --editable '.[dev]'
	-.venv/bin/isotrope export --engine gsanet  # into the user's cache, for a faster engine gsanet; it reads without
	touch $@

read: $(READY)  ## read a sample page, and words and lines, at all four turns with the shipped weights
	mkdir -p out
	$(BIN)/isotrope read samples/pages --format text --turns --show out/page.png
	$(BIN)/isotrope read --crops samples/*.png --turns --show out/samples.png
	@echo "What was read, drawn over the page: out/page.png; the words and lines: out/samples.png"

picture: $(READY)  ## the picture that opens the README
	$(BIN)/isotrope read samples/pages --format text --turns --show docs/images/pages.webp

test: check  ## linter, contracts, types, and the tests that take seconds
	$(PYTEST) -m "not slow"

test-all: check  ## every test
	$(PYTEST)

fuzz: $(READY)  ## read 20,000 broken files of every format: no crash, no hang, nothing written
	OMP_NUM_THREADS=1 $(BIN)/python tests/fuzz/fuzz.py --target decode --count 12000
	OMP_NUM_THREADS=1 $(BIN)/python tests/fuzz/fuzz.py --target unit transcript --count 3800
	OMP_NUM_THREADS=1 $(BIN)/python tests/fuzz/fuzz.py --target read command --count 200

check: contracts types  ## linter, contracts and types, without the tests
	$(BIN)/ruff check
	$(BIN)/ruff format --check

contracts: $(READY)  ## imports go one way, and reading needs no torch
	PYTHONPATH=src $(BIN)/lint-imports

# Left to itself, pyright looks for packages beside the first python of the PATH.
types: $(READY)  ## pyright
	$(BIN)/pyright --pythonpath $(BIN)/python

coverage: $(READY)  ## which lines the quick tests run; out/coverage.xml too
	mkdir -p out
	$(PYTEST) -m "not slow" --cov --cov-report=term --cov-report=xml:out/coverage.xml

docs: $(READY)  ## the documents as a site in out/site; a warning is an error
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

bench: $(READY)  ## accuracy and speed of the shipped reader, speed and growth of the models
	$(BIN)/python benchmarks/ocr.py
	$(BIN)/python benchmarks/throughput.py
	$(BIN)/python benchmarks/speed.py
	$(BIN)/python benchmarks/scaling.py
	$(BIN)/python benchmarks/install.py

figures: $(READY)  ## the papers' figures, from the results in benchmarks/results
	$(BIN)/python benchmarks/figures.py

train: $(READY)  ## train the papers' reader; goes on where the last run stopped
	$(BIN)/isotrope train recognizer --config recipes/recognizer.toml --out runs/recognizer

adapters: $(READY)  ## make the shipped adapters from the published sets in DATA; goes on where it stopped
	set -e; for name in hands fraktur typescript testaments letters receipts early-print; do \
	  $(BIN)/isotrope adapt --config recipes/adapters/$$name.toml --data $(DATA) --out runs/adapter/$$name; done

fonts: $(READY)  ## the fonts that the synthetic text is set in: Debian's (needs root), npm's
	apt-get update --quiet
	xargs apt-get install --yes --quiet --no-install-recommends < recipes/fonts-debian.txt
	npm install --prefix out/fonts --no-audit --no-fund --ignore-scripts $$(cat recipes/fonts-npm.txt)
	$(BIN)/python -m isotrope.data.synthetic.webfonts out/fonts/node_modules

clean:
	rm -rf .venv out build dist
