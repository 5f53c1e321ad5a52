# `make run` and `make test` do all the set-up themselves; `make help` lists the rest.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
ONLY   ?=

.PHONY: help setup run test lint bench bpf test-kernels clean fmt
help:
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

COMPILED := $(wildcard wasm_sdk/*/*.pxd) $(patsubst %.pxd,%.py,$(wildcard wasm_sdk/*/*.pxd))

$(VENV)/.python: pyproject.toml setup.py $(COMPILED)
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "setup: Python packages (pyproject.toml)"
	@mkdir -p build
	@# An old pip cannot resolve OpenTelemetry's pre-releases: it goes first.
	@{ $(BIN)/python -m pip install --upgrade 'pip>=25' && $(BIN)/python -m pip install -e '.[dev]'; } \
	  >build/setup-python.log 2>&1 || { tail -20 build/setup-python.log; exit 1; }
	@touch $@

web/dist/.built: web/package-lock.json $(wildcard web/src/*.ts web/src/*/*.ts web/*.mjs web/*.py) $(shell find wasm_sdk -name '*.py')
	@echo "setup: npm packages and the browser build (web/)"
	@cd web && npm ci --silent --no-audit --no-fund && npm run --silent build
	@touch $@

$(VENV)/.chromium: $(VENV)/.python
	@bash .ci/chromium && touch $@

$(VENV)/.kernel: bpf/install-tools.sh
	@bash bpf/install-tools.sh test && touch $@

setup: $(VENV)/.python web/dist/.built $(VENV)/.chromium $(VENV)/.kernel ## everything that run and test need

run: $(VENV)/.python web/dist/.built $(VENV)/.chromium ## agent, demo shop and dashboard; without a terminal: drive the page and print the trace
	@$(BIN)/python -m examples.shop.run

test: setup ## the whole suite, compiled and interpreted, with coverage
	@bash .ci/test

lint: setup ## ruff, mypy --strict, tsc
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && cd web && npm run --silent typecheck

fmt: setup
	@$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

bpf: $(VENV)/.kernel ## the kernel programs, from their sources (the objects are part of the repository)
	@bash bpf/install-tools.sh build && $(MAKE) --no-print-directory -C bpf

test-kernels: setup ## the kernel programs on other kernels, under emulation
	@bash bpf/install-tools.sh kernels && $(BIN)/python -m tests.kernel.emulated

bench: setup ## ONLY=codec|ingest|...: one group; a table, and build/bench.json
	@$(BIN)/python -m benchmarks $(ONLY)

clean: ## what was built, not the virtual environment
	rm -rf build web/dist wasm_sdk/*/*.so wasm_sdk/*/*.c .pytest_cache .mypy_cache .ruff_cache .coverage*
