# One list of commands, the same for people and for CI. Everything is set up on first use.

PYTHON ?= python3
BIN := .venv/bin
export PIP_DISABLE_PIP_VERSION_CHECK = 1
# Without bytecode every pytest process rewrites the assertions of all tests, which takes longer than the rest of
# the collection.
unexport PYTHONDONTWRITEBYTECODE

# One process more than cores, because the stress tests wait for other processes; two browsers keep both cores busy
PROCESSES := -n 3 --dist worksteal
BROWSERS := -n 2 --dist worksteal
STAGE := .ci/stage
# Of `.ci/run`, on PostgreSQL: what locks, constrains, adds up, searches or plans its queries differently there, and real
# processes. The long run takes everything.
names = $(patsubst %,tests/$(1)/test_%.py,$(2))
ON_POSTGRES := tests/test_database.py tests/text_search tests/routing \
	$(call names,stress,batch_kills every_order kills real_kill storm) \
	$(call names,jobs,acts alerts at_once batch_money batch_worker board callbacks checks clocks doubt drafts line lock_order recheck trash worker) \
	$(call names,credits,allowances any_order at_once books carrying fill ledger limits move reports spending) \
	$(call names,gallery,bundles comments decisions keeping mentions results retention search triggers wall) \
	$(call names,prompts,actions carrying library) $(call names,projects,members projects) $(call names,accounts,audit links rate_limits) tests/shared_state $(call names,control,database_roles)
.PHONY: help run test test-quick test-postgres test-long storm sabotage sabotage-sample check format bench lock sbom pin-images vendor clean

help:
	@echo "make run     set up everything and run it: web, worker, sandbox (PORT=8000)"
	@echo "make test    set up everything and run the tests on SQLite, a real browser included; of the long ones a sample"
	@echo "make check   format, lint, types, imports, migrations, templates, styles, scripts, vendored files, known advisories"
	@echo "make test-long  all of what make test samples, also on PostgreSQL; coverage, every sabotage, benchmarks (about two hours)"
	@echo "make storm   the long storm alone: thousands of orders, every fault, processes killed at random (some twenty minutes)"
	@echo "make sabotage  breaks each line that matters and sees its test fail"
	@echo "make sbom    what the studio consists of, as CycloneDX, in sbom.json"
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
	@$(STAGE) --begin
	@.ci/browser
	@$(STAGE) "tests on SQLite" $(BIN)/pytest $(PROCESSES) tests --ignore=tests/browser
	@$(STAGE) "tests with a browser" $(BIN)/pytest $(BROWSERS) tests/browser
	@$(STAGE) --report 600

test-quick: .venv/dev
	$(BIN)/pytest $(PROCESSES) tests --ignore=tests/browser --ignore=tests/stress

# With a PostgreSQL and a Redis of its own
test-postgres: .venv/dev
	@$(STAGE) --begin
	@.ci/services $(STAGE) "tests on PostgreSQL and Redis" $(BIN)/pytest $(PROCESSES) $(ON_POSTGRES)
	@$(STAGE) --report 300

test-long: export STUDIO_TEST_LONG = 1
test-long: .venv/dev
	@$(STAGE) --begin
	@.ci/browser
	$(BIN)/coverage erase
	@$(STAGE) "tests on SQLite, lines counted" $(BIN)/pytest $(PROCESSES) tests --ignore=tests/browser --ignore=tests/stress --cov --cov-report=
	@$(STAGE) "coverage" $(BIN)/coverage report
	@$(STAGE) "stress on SQLite" $(BIN)/pytest $(PROCESSES) tests/stress
	@$(STAGE) "tests with a browser" $(BIN)/pytest $(BROWSERS) tests/browser
	@.ci/services $(STAGE) "tests on PostgreSQL and Redis" $(BIN)/pytest $(PROCESSES) tests --ignore=tests/browser
	@.ci/services $(STAGE) "tests with a browser on PostgreSQL and Redis" $(BIN)/pytest $(BROWSERS) tests/browser
	@$(STAGE) "sabotage" $(BIN)/python -m tests.stress.sabotage
	@$(STAGE) "benchmarks" $(BIN)/pytest tests/bench -o python_files='bench_*.py' -p no:randomly -s
	@$(STAGE) --report 0

# STUDIO_STORM_SEED=n has the same people, faults and victims again
storm: .venv/dev
	STUDIO_TEST_LONG=1 $(BIN)/pytest tests/stress/test_storm.py -s

sabotage: .venv/dev
	$(BIN)/python -m tests.stress.sabotage

sabotage-sample: .venv/dev
	@$(STAGE) "sabotage, a sample" $(BIN)/python -m tests.stress.sabotage --sample

check: .venv/dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m tests.lint
	STUDIO_LOCAL=1 $(BIN)/python manage.py makemigrations --check --dry-run
	$(BIN)/python .ci/vendor.py --check
	$(BIN)/python .ci/advisories.py

format: .venv/dev
	$(BIN)/ruff check --fix --quiet . || true
	$(BIN)/ruff format .

bench: .venv/dev
	$(BIN)/pytest tests/bench -o python_files='bench_*.py' -p no:randomly -s

lock: .venv/dev
	$(BIN)/pip-compile --quiet --upgrade --generate-hashes --allow-unsafe --no-strip-extras --no-emit-index-url --no-emit-trusted-host --no-emit-find-links -o .ci/requirements/app.txt pyproject.toml
	$(BIN)/pip-compile --quiet --upgrade --extra dev --generate-hashes --allow-unsafe --no-strip-extras --no-emit-index-url --no-emit-trusted-host --no-emit-find-links -c .ci/requirements/app.txt -o .ci/requirements/dev.txt pyproject.toml

sbom: .venv/dev
	$(BIN)/python .ci/sbom.py sbom.json

pin-images: .venv/dev
	$(BIN)/python .ci/pin_images.py compose.yaml

vendor: .venv/dev
	$(BIN)/python .ci/vendor.py

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis
