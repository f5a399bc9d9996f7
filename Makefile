# One list of commands, the same for people and for CI. Everything is set up on first use.

PYTHON ?= python3
BIN := .venv/bin
export PIP_DISABLE_PIP_VERSION_CHECK = 1

# Two tests at a time; whoever has none left takes over the other's
TWO := -n 2 --dist worksteal
THREE := -n 3 --dist worksteal  # of those that mostly wait for what they started
.PHONY: help run test test-quick chaos sabotage check format bench lock vendor clean

help:
	@echo "make run     set up everything and run it: web, worker, sandbox (PORT=8000)"
	@echo "make test    set up everything and run every test, a real browser included"
	@echo "make check   format, lint, types, arrows, migrations, vendored files"
	@echo "make chaos   the long storm: thousands of orders, every fault, processes killed at random (some ten minutes)"
	@echo "make sabotage  breaks each line that matters and sees its test fail"
	@echo "make bench   the benchmarks, printing ratios"

.venv/app: .ci/requirements/app.txt
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed; this is " + sys.version.split()[0])'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "Installing what the studio needs (once)"
	@$(BIN)/python -m pip install --quiet --require-hashes -r .ci/requirements/app.txt
	@touch $@

.venv/dev: .venv/app .ci/requirements/dev.txt
	@echo "Installing what its tests need (once)"
	@$(BIN)/python -m pip install --quiet --require-hashes -r .ci/requirements/dev.txt
	@touch $@

run: .venv/app
	@STUDIO_LOCAL=$${STUDIO_LOCAL:-1} PORT=$${PORT:-8000} exec $(BIN)/python manage.py run

test: .venv/dev
	@.ci/browser
	$(BIN)/coverage erase
	$(BIN)/pytest $(TWO) --cov --cov-report= -m "not browser and not long and not again"
	$(BIN)/coverage report
	$(BIN)/pytest $(TWO) -m "not browser and (long or again)"  # without counting lines, which takes nearly as long as the tests do
	$(BIN)/pytest $(THREE) -rR -m browser  # in processes of its own: its driver keeps a loop in them, in which no other may run

test-quick: .venv/dev
	$(BIN)/pytest $(TWO) -m "not browser"

# STUDIO_CHAOS_SEED=n has the same people, faults and victims again
chaos: .venv/dev
	STUDIO_CHAOS_JOBS=$${STUDIO_CHAOS_JOBS:-2000} STUDIO_CHAOS_SECONDS=$${STUDIO_CHAOS_SECONDS:-300} $(BIN)/pytest tests/chaos -p no:randomly -s

sabotage: .venv/dev
	$(BIN)/python -m tests.jobs.sabotage

check: .venv/dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m tests.lint
	STUDIO_LOCAL=1 $(BIN)/python manage.py makemigrations --check --dry-run
	$(BIN)/python .ci/vendor.py --check

format: .venv/dev
	$(BIN)/ruff check --fix --quiet . || true
	$(BIN)/ruff format .

bench: .venv/dev
	$(BIN)/pytest tests/bench -o python_files='bench_*.py' -p no:randomly -s

lock: .venv/dev
	$(BIN)/pip-compile --quiet --upgrade --generate-hashes --allow-unsafe --no-strip-extras --no-emit-index-url --no-emit-trusted-host --no-emit-find-links -o .ci/requirements/app.txt pyproject.toml
	$(BIN)/pip-compile --quiet --upgrade --extra dev --generate-hashes --allow-unsafe --no-strip-extras --no-emit-index-url --no-emit-trusted-host --no-emit-find-links -c .ci/requirements/app.txt -o .ci/requirements/dev.txt pyproject.toml

vendor: .venv/dev
	$(BIN)/python .ci/vendor.py

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis
