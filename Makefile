# Needs git, make and a Python from 3.12 to 3.14; everything else is installed into .venv.

PYTHON ?=
RANDOM_SEED ?= 20261126

BIN := .venv/bin
CANDIDATES = $(if $(PYTHON),'$(PYTHON)',python3.13 python3.12 python3.14 python3 python \
	"$${PYENV_ROOT:-$$HOME/.pyenv}"/versions/3.1[234].*/bin/python)
SUITABLE := import sys, venv, ensurepip; sys.exit(not (3, 12) <= sys.version_info[:2] <= (3, 14))
PIP_INSTALL := $(BIN)/python -m pip install --quiet --no-input --disable-pip-version-check
TOOL := $(BIN)/python -m tools
FIT_INPUTS := $(shell find src/scaling_bayes data -name '*.py' -o -name '*.csv' -o -name '*.toml' 2>/dev/null)

PYTEST := $(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder
NUMPY_DISPATCHED := from numpy._core._multiarray_umath import __cpu_dispatch__ as names; print(*names)
SEED_OFFSET ?= 1000
# Of the development tools, what the fast tests need.
TEST_TOOLS := h5netcdf|pytest|pytest-xdist|hypothesis|filelock|statsmodels
FAST_TESTS := bundle citing cli cost equations figures fit formatting hardware_tables laws parameters predictive priors \
	projection releases report scores simulation systems tampering thompson2020 traces validation verification

# Both slow every start of Python or change what it imports.
unexport PYTHONDONTWRITEBYTECODE
unexport PYTHONPATH

# An environment that was moved, or whose interpreter is gone, is made again.
$(shell [ "$$(cat .venv/.dependencies 2>/dev/null)" = "$$PWD" ] && $(BIN)/python -c '' 2>/dev/null \
	|| rm -f .venv/.dependencies)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup report test test-fast test-portable test-lowest browser lint format data traces forecasts hardware hindcast evidence \
	compute-trend overparameterization pages notebooks docs wheel lock clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "make %-20s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: .venv/.project ## make .venv with the locked dependencies and this package (PYTHON=... chooses the interpreter)

report: build/reference.nc ## fit the shipped data, then write build/report.html, .json and .csv
	$(BIN)/scaling-bayes report build/reference.nc -o build/report.html

test: lint browser ## run every check: style, types, import rules, tests
	$(PYTEST) -m 'not slow'

test-fast: .venv/.project ## run the tests that take little: no sampling, reports, browser, docs or packages
	$(PYTEST) -m 'not (samples or long or browser or docs or package or slow)'

# What another processor rounds otherwise, and other draws: baseline NumPy, generic machine code, shifted seeds.
# What neither can change is left to `make test`, but where that leaves it out.
test-portable: .venv/.project browser ## run the tests as on a plain processor, with other seeds (SLOW=1: slow ones too; COVERAGE=1: all, and measure coverage)
	NPY_DISABLE_CPU_FEATURES="$$($(BIN)/python -c '$(NUMPY_DISPATCHED)')" \
	NUMBA_CPU_NAME=generic NUMBA_CPU_FEATURES= SCALING_BAYES_TEST_SEED_OFFSET=$(SEED_OFFSET) $(PYTEST) \
	$(if $(COVERAGE),--cov,-m '$(if $(SLOW),slow or )not ($(if $(SLOW),,slow or )anywhere or browser or docs or package)')

test-lowest: .venv/.project ## run the fast tests with the lowest versions pyproject.toml allows
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python build/lowest
	grep -oE '^($(TEST_TOOLS))==[^ ;]+' requirements.lock > build/lowest/tools.txt
	$(BIN)/uv pip compile --quiet --no-build --resolution lowest-direct --python build/lowest/bin/python \
		--extra deposit --extra experiments --output-file build/lowest/requirements.txt \
		pyproject.toml build/lowest/tools.txt
	$(BIN)/python -m hatchling build --target wheel --directory build/lowest >/dev/null
	$(BIN)/uv pip install --quiet --no-build --python build/lowest/bin/python -r build/lowest/requirements.txt
	$(BIN)/uv pip install --quiet --no-deps --python build/lowest/bin/python build/lowest/scaling_bayes-*.whl
	PYTHONPATH=src PYTHONWARNINGS=ignore::DeprecationWarning,ignore::FutureWarning \
	build/lowest/bin/python -m pytest -n auto --maxprocesses 4 --dist loadfile -m 'not slow' \
		-W ignore::DeprecationWarning -W ignore::FutureWarning $(FAST_TESTS:%=tests/test_%.py)

# Without them the tests that open a browser are skipped, and say so.
browser: ## install Chromium and its driver for the tests, where that is possible: as root, with apt
	@if command -v chromedriver >/dev/null && command -v chromium chromium-browser google-chrome >/dev/null; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq -y install chromium chromium-driver; \
	else false; fi || echo 'No Chromium and chromedriver on the PATH: tests that open a browser are skipped. Install both.' >&2

lint: .venv/.project ## check style, types and import rules
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy --num-workers 2
	$(BIN)/lint-imports

format: .venv/.project ## mend what ruff can mend
	$(BIN)/ruff check --fix-only
	$(BIN)/ruff format

data: .venv/.project ## rebuild the derived tables of data/, and the pages that show them
	$(TOOL).tables.build
	$(TOOL).pages data hardware_data language

traces: .venv/.project ## make the released traces that data/traces lacks (NAME=... makes one anew, CHECK=1 compares)
	$(TOOL).releases.release $(if $(CHECK),--check) $(NAME)

forecasts: .venv/.project ## freeze the forecasts of the releases as the round of DAY=2026-12-01, in forecasts/
	$(TOOL).releases.forecasts $(DAY)

hardware: .venv/.project ## sample the hardware posterior (FILE=... writes it elsewhere than into data/)
	$(TOOL).releases.hardware $(if $(FILE),--output $(FILE))

hindcast: .venv/.project ## fit hardware older than YEAR, 2019 by default, and score what came after
	$(TOOL).releases.hardware --hindcast $(or $(YEAR),2019)

evidence: .venv/.project ## measure what the choice of laws rests on (NAME=... measures one table)
	$(TOOL).evidence.measure $(NAME)

compute-trend: .venv/.project ## fit the growth of compute and hardware, and write its tables and page
	$(TOOL).compute_trend.fit

overparameterization: .venv/.project ## run the over-parameterisation experiment, hours long, and fill its pages
	$(TOOL).pages.overparameterization

pages: .venv/.project ## write the generated pages of docs/ (NAME=... writes some, CHECK=1 only compares)
	$(TOOL).pages $(if $(CHECK),--check) $(NAME)

notebooks: .venv/.project ## run the notebooks once and store their outputs (NAME=... runs one)
	SCALING_BAYES_COMPILE_CACHE=1 $(TOOL).notebooks $(NAME)

docs: .venv/.project ## build the documentation site in build/docs; a warning is an error
	rm -rf build/docs docs/reference/generated
	$(BIN)/sphinx-build -W --keep-going --nitpicky --quiet -t examples docs build/docs
	mkdir build/docs/examples
	$(BIN)/scaling-bayes report -q -o build/docs/examples/reference.html
	$(BIN)/scaling-bayes report five-tasks-2019-2026.12 -q -o build/docs/examples/five-tasks-2019.html
	$(BIN)/scaling-bayes report language-2026.12 -q -o build/docs/examples/language.html
	@echo 'open build/docs/index.html'

wheel: .venv/.project ## build the package into dist/
	$(BIN)/python -m build --no-isolation

lock: .venv/.project ## resolve the dependencies of pyproject.toml anew into requirements.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.12 --extra dev --generate-hashes --upgrade \
		--no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock' \
		--output-file requirements.lock pyproject.toml

clean: ## remove .venv, build products and caches
	rm -rf .venv build dist docs/reference/generated .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis .coverage .coverage.*
	find src tools tests -name __pycache__ -type d -prune -exec rm -rf {} +

build/reference.nc: .venv/.project $(FIT_INPUTS)
	@mkdir -p build
	$(BIN)/scaling-bayes fit -o $@ --overwrite --random-seed $(RANDOM_SEED)

# The two stamps are written last, so an interrupted setup starts over.
.venv/.dependencies: requirements.lock
	@python=; \
	for candidate in $(CANDIDATES); do \
		if "$$candidate" -c '$(SUITABLE)' >/dev/null 2>&1; then python="$$candidate"; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
		echo 'No Python from 3.12 to 3.14 with the venv and ensurepip modules was found (tried: $(if $(PYTHON),$(PYTHON),python3.13, python3.12, python3.14, python3, python)).' >&2; \
		echo 'Install one, or name it: make PYTHON=/path/to/python3.13 ... (on Debian and Ubuntu, also install python3-venv).' >&2; \
		exit 1; \
	fi; \
	echo "Setting up .venv with $$("$$python" -V); the first time this takes a minute or two"; \
	"$$python" -m venv --clear .venv
	@$(PIP_INSTALL) --no-deps --require-hashes --requirement requirements.lock
	@printf '%s' "$$PWD" > $@

.venv/.project: .venv/.dependencies pyproject.toml
	@$(PIP_INSTALL) --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m compileall -q src tools
	@$(BIN)/python -c 'from scaling_bayes.model.sampling import kernel; kernel.compiled()'
	@touch $@
