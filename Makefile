# Every target says what it does; bare `make` prints them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SOURCES := argosy controller events sources
WORKERS ?= 2
# uv trusts what the machine trusts, as pip does: behind a company's proxy its own list would not do.
export UV_SYSTEM_CERTS ?= 1

.DEFAULT_GOAL := help
.PHONY: help setup demo test check fix verify bench bench-cluster sweep wheel cluster cluster-down test-cluster executor fuzz image clean

help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# The environment is made anew when the list of dependencies has changed.
$(VENV)/.runs: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Argosy needs Python 3.11 or later; this is " + sys.version)'
	@test -x $(BIN)/uv || { $(PYTHON) -m venv $(VENV) && $(BIN)/pip install --quiet --disable-pip-version-check uv; }
	@$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --editable .
	@$(BIN)/python -m compileall -q $(SOURCES)  # the command line starts twice as fast with byte code
	@touch $@

$(VENV)/.develops: $(VENV)/.runs
	@$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --editable . --group dev
	@touch $@

setup: $(VENV)/.develops ## make the environment for development (.venv)

demo: $(VENV)/.runs ## a signed GitHub push becomes a finished workflow, on this machine, in a scratch folder
	@$(BIN)/python examples/github-push/demo.py

test: setup ## run everything that needs no cluster
	$(BIN)/pytest -n $(WORKERS) --dist worksteal

check: setup ## style, types, import layers, tidiness
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -q tests/tidy

fix: setup ## mend what the style checker can mend
	$(BIN)/ruff check --fix .

verify: setup ## regenerate what is generated (CLI help, state diagram, CRDs) and fail if it differs
	$(BIN)/python -m argosy.cli.docs > docs/cli.md
	$(BIN)/python -m controller.engine.diagram > docs/state-diagram.md
	$(BIN)/python -m deploy.crds.generate
	git diff --exit-code docs/cli.md docs/state-diagram.md deploy/crds

bench: setup ## measure; counts are checked, times are ratios to a reference in the same run (BENCH=--quick)
	$(BIN)/python -m tests.bench $(BENCH)

sweep: setup ## the seeded simulation with many seeds (SEEDS=2000)
	$(BIN)/python -m tests.simulation --seeds $(or $(SEEDS),2000)

wheel: setup ## build the wheel, install it into a clean environment and start it
	rm -rf dist build/wheel
	$(BIN)/uv build --quiet --wheel --python $(BIN)/python
	$(BIN)/uv venv --quiet --python $(BIN)/python build/wheel
	$(BIN)/uv pip install --quiet --python build/wheel/bin/python dist/*.whl
	cd build && wheel/bin/argosy version && wheel/bin/argosy run ../examples/hello-world.yaml

# The executor's programs: built once for each state of its sources, and put beside the controller that mounts them.
PROGRAMS := controller/programs/amd64
$(PROGRAMS): $(VENV)/.develops $(wildcard deploy/executor/*.py deploy/executor/src/*.zig)
	$(BIN)/python deploy/executor/build.py --install
	@touch $@

cluster: setup $(PROGRAMS) ## a real one-node Kubernetes on this machine (as root); the last line is its kubeconfig
	@$(BIN)/python -m tests.cluster up

bench-cluster: cluster ## workflows on the test cluster beside bare pods: half an hour (BENCH=--quick: counts alone)
	@$(BIN)/python -m tests.cluster fake
	$(BIN)/python -m tests.bench.cluster $(BENCH)

cluster-down: setup ## take it away again
	@$(BIN)/python -m tests.cluster down

test-cluster: cluster ## run what needs a real Kubernetes
	$(BIN)/pytest -n 3 --dist loadfile tests/cluster --ignore tests/cluster/disruptive
	$(BIN)/python -m tests.bench.cluster --quick
	$(BIN)/pytest tests/cluster/disruptive

executor: setup ## build the program that runs inside pods, for amd64 and arm64, and test it
	$(BIN)/python deploy/executor/build.py --test --reproduce --install
	$(BIN)/pytest tests/executor

fuzz: setup ## feed the executor nonsense (FUZZ_SECONDS=60 for each target)
	$(BIN)/python deploy/executor/fuzz.py --seconds $(or $(FUZZ_SECONDS),60) --jobs $(WORKERS)

image: setup ## build the container image with no container engine, into build/argosy.tar
	$(BIN)/python -m deploy.images.build --output build/argosy.tar

clean: ## remove the environment and what was built
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis
