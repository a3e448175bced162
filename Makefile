# Every target creates the environment it needs; nothing has to be done first.
PYTHON ?= python3
PORT ?= 8000
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.holdfast-$(shell cat requirements-dev.lock pyproject.toml 2>/dev/null | cksum | cut -d' ' -f1)

.PHONY: setup up test test-redis check bench schema reference clean

setup: $(STAMP)

$(STAMP):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Holdfast needs Python 3.11 or newer; set PYTHON=/path/to/python3.11."; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes --requirement requirements-dev.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@# stockpyl (the benches compare with it) brings this: a fifth of a second of Sphinx at every start of Python.
	@rm -f $(VENV)/lib/python*/site-packages/_sphinx_jinja2_compat.pth
	@rm -f $(VENV)/.holdfast-*
	@touch $@

up: setup
	$(BIN)/holdfast up --demo --port $(PORT)

test: setup
	scripts/system-packages redis-server chromium fonts-noto-cjk
	$(BIN)/python -m pytest

# What speaks to the API, with a Redis and with one that is flushed, or killed and hung, all the time.
REDIS_TESTS := tests/api tests/races tests/transfers tests/returns tests/stock/test_undo.py
test-redis: setup
	scripts/system-packages redis-server
	HOLDFAST_TEST_REDIS=on $(BIN)/python -m pytest $(REDIS_TESTS)
	for mode in flushing killing; do \
		HOLDFAST_TEST_REDIS=$$mode $(BIN)/python -m pytest tests/api/test_as_specified.py tests/api/test_added.py tests/races || exit 1; done

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports

bench: setup
	$(BIN)/python -m bench.reservations

schema: setup
	$(BIN)/python -m holdfast.db.dump

reference: setup
	$(BIN)/python scripts/api_reference.py

clean:
	rm -rf $(VENV) .pytest_cache .ruff_cache .hypothesis
