# `make read` and `make test` work on a fresh machine: whatever needs .venv makes it first.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.PHONY: help install read test test-all bench figures train fonts clean

help:  ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/ -/'

install: $(READY)  ## make .venv with isotrope and everything to develop it

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint constraints.txt torch
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	-$(BIN)/isotrope export  # into the user's cache, for a faster reader; it reads without
	touch $@

read: $(READY)  ## read the sample images at all four turns with the shipped weights
	mkdir -p out
	$(BIN)/isotrope read samples --turns --show out/samples.png
	@echo "The images with their texts: out/samples.png"

test: $(READY)  ## the tests that take seconds, and the linter
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	OMP_NUM_THREADS=1 $(BIN)/pytest -m "not slow" -n 2

test-all: $(READY)  ## every test
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2

bench: $(READY)  ## accuracy and speed of the shipped reader, speed and growth of the models
	$(BIN)/python benchmarks/ocr.py
	$(BIN)/python benchmarks/throughput.py
	$(BIN)/python benchmarks/speed.py
	$(BIN)/python benchmarks/scaling.py

figures: $(READY)  ## the papers' figures, from the results in benchmarks/results
	$(BIN)/python benchmarks/figures.py

train: $(READY)  ## train the recogniser; goes on where the last run stopped
	$(BIN)/isotrope train recognizer --config recipes/recognizer.toml --out runs/recognizer

fonts: $(READY)  ## the fonts that the synthetic text is set in: Debian's (needs root), npm's
	apt-get update --quiet
	xargs apt-get install --yes --quiet --no-install-recommends < recipes/fonts-debian.txt
	npm install --prefix out/fonts --no-audit --no-fund --ignore-scripts $$(cat recipes/fonts-npm.txt)
	$(BIN)/python -m isotrope.data.synthetic.webfonts out/fonts/node_modules

clean:
	rm -rf .venv out build dist
