# Each target sets up the .venv it needs by itself. PYTHON has to be 3.11 or newer.
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
DEVICE ?= cpu
# The CUDA major version of the driver, for the CuPy wheel of `make train DEVICE=cuda`.
CUDA ?= $(shell nvidia-smi 2>/dev/null | sed -n 's/.*CUDA Version: \([0-9]*\).*/\1/p')
CUDA_EXTRA := cuda$(if $(filter 12,$(CUDA)),12,13)
ARGS ?=

.PHONY: help train test test-native test-slow test-gpu test-backends test-versions fuzz conformance docs check format bench wheel clean

help:  ## Show the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 24

# One stamp file for each set of extras that is installed.
$(VENV)/.base:
	$(PYTHON) -c 'import sys; sys.exit("polygrad needs Python 3.11 or newer, this is " + sys.version.split()[0] + "; run make PYTHON=python3.12 ..." if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.examples: $(VENV)/.base pyproject.toml
	$(PY) -m pip install --quiet --disable-pip-version-check --editable '.[examples]'
	@touch $@

$(VENV)/.strict: $(VENV)/.examples
	$(PY) -m pip install --quiet --disable-pip-version-check --editable '.[examples,strict]'
	@touch $@

$(VENV)/.cuda: $(VENV)/.examples
	$(PY) -m pip install --quiet --disable-pip-version-check --editable '.[examples,$(CUDA_EXTRA)]'
	@touch $@

$(VENV)/.dev: $(VENV)/.base pyproject.toml
	$(PY) -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

$(VENV)/.bench: $(VENV)/.dev benchmarks/requirements.txt
	$(PY) -m pip install --quiet --disable-pip-version-check -r benchmarks/requirements.txt
	@touch $@

$(VENV)/.backends: $(VENV)/.dev tests/requirements-backends.txt
	$(PY) -m pip install --quiet --disable-pip-version-check -r tests/requirements-backends.txt
	@touch $@

TRAIN_NEEDS := $(if $(findstring cuda,$(DEVICE)),$(VENV)/.cuda,$(if $(findstring strict,$(DEVICE)),$(VENV)/.strict,$(VENV)/.examples))

train: $(TRAIN_NEEDS)  ## Train a network on handwritten digits (DEVICE=cpu, cuda, strict:device1)
	$(PY) examples/train_digits.py --device $(DEVICE) $(ARGS)

test: $(VENV)/.dev  ## Run the test suite (minutes, no GPU needed)
	$(PY) -m pytest -n auto -m 'not slow and not gpu and not backends' $(ARGS)

test-native: $(VENV)/.dev  ## Run the tests of jit on native code, which must be in use
	POLYGRAD_TEST_NATIVE=1 $(PY) -m pytest -n auto -m 'not slow and not gpu and not backends' tests/test_jit*.py tests/test_compile_passes.py tests/test_control_flow.py $(ARGS)

test-slow: $(VENV)/.dev  ## Run the slow tests
	$(PY) -m pytest -m 'slow' $(ARGS)

test-gpu: $(VENV)/.dev  ## Run the tests that need an NVIDIA GPU
	$(PY) -m pip install --quiet --disable-pip-version-check --editable '.[$(CUDA_EXTRA)]'
	$(PY) -m pytest -m gpu -rs $(ARGS)

test-backends: $(VENV)/.backends  ## Run the tests of the torch, JAX and Dask backends
	$(PY) -m pytest -n auto -m backends $(ARGS)

SECONDS ?= 60
SEED ?= 0
fuzz: $(VENV)/.dev  ## Run random programs in every way and compare (SECONDS=600, SEED=100000)
	cd tests && ../$(PY) -m fuzz --seconds $(SECONDS) --seed $(SEED) $(ARGS)

test-versions:  ## Run the test suite on the newest Python and libraries, and on the lowest versions
	tools/test_versions.sh newest $(ARGS)
	tools/test_versions.sh lowest $(ARGS)

conformance: $(VENV)/.dev  ## Run data-apis/array-api-tests (SUITE=path to a checkout of it)
	@test -n "$(SUITE)" || { echo "conformance: give SUITE=<path to a checkout of data-apis/array-api-tests>"; exit 2; }
	$(PY) -m pip install --quiet --disable-pip-version-check -r $(SUITE)/requirements.txt
	$(PY) tools/conformance.py $(SUITE) $(ARGS)

docs: $(VENV)/.dev  ## Write docs/functions.md from the op table and the tests
	$(PY) tools/functions_page.py

check: $(VENV)/.dev  ## Lint, format check and type check
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy

format: $(VENV)/.dev  ## Format the code
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

bench: $(VENV)/.bench  ## Time polygrad beside NumPy by hand and its peers (a quarter of an hour)
	$(PY) -m benchmarks.bench $(ARGS)
	$(PY) -m benchmarks.memory
	$(PY) -m benchmarks.hvp

wheel: $(VENV)/.dev  ## Build the wheel into dist/
	$(PY) -m build --wheel --no-isolation

clean:  ## Remove what the targets made
	rm -rf $(VENV) $(VENV)-newest $(VENV)-lowest build dist runs *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
