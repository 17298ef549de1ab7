PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip --disable-pip-version-check -qq
UV := .run/uv/bin/uv
COMPILE := $(UV) pip compile pyproject.toml --quiet --extra cli --universal --python-version 3.11 --generate-hashes --no-header

.PHONY: demo test up check bench chaos lock clean

demo: $(VENV)/runtime.stamp
	$(BIN)/python -m dev.demo $(if $(FILE),"$$FILE")

test: $(VENV)/dev.stamp
	$(BIN)/pytest

up: $(VENV)/runtime.stamp
	$(BIN)/python -m dev.up

check: $(VENV)/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest tests/unit tests/contract

bench: $(VENV)/dev.stamp
	$(BIN)/python -m bench

chaos: $(VENV)/dev.stamp
	$(BIN)/python -m dev.chaos

lock: $(UV)
	$(COMPILE) --group dev -o requirements/dev.txt
	$(COMPILE) --group workers --group build -o requirements/runtime.txt

clean:
	rm -rf $(VENV) .run

# ensurepip writes pip last: where python3-venv is missing, the half-made environment is made again.
$(BIN)/pip:
	$(PYTHON) -m venv $(VENV)

$(VENV)/runtime.stamp: requirements/runtime.txt pyproject.toml | $(BIN)/pip
	@echo "Installing requirements/runtime.txt and the rollcast command into $(VENV)"
	@$(PIP) install --require-hashes -r requirements/runtime.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/dev.stamp: requirements/dev.txt $(VENV)/runtime.stamp
	@echo "Installing requirements/dev.txt into $(VENV)"
	@$(PIP) install --require-hashes -r requirements/dev.txt
	@touch $@

$(UV):
	$(PYTHON) -m venv .run/uv
	.run/uv/bin/pip --disable-pip-version-check --quiet install uv
