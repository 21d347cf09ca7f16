# Everything a fresh clone needs: git, make and Python 3.11 or newer. `make help` lists the targets.
#
# The environment lives in .venv; the versions in constraints.txt, what is needed in the
# pyproject.toml of each package and, for development, in the groups of the root one.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMPS := $(VENV)/.stamps

PACKAGES := core $(sort $(patsubst %/,%,$(dir $(wildcard plugins/*/pyproject.toml))))
SOURCES  := $(addsuffix /src,$(PACKAGES))
EDITABLE := $(addprefix -e ./,$(PACKAGES))
METADATA := $(addsuffix /pyproject.toml,$(PACKAGES)) constraints.txt

# Both installers read these, build back ends included.
export UV_CONSTRAINT := constraints.txt
export UV_BUILD_CONSTRAINT := constraints.txt
export PIP_CONSTRAINT := constraints.txt
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# The demonstration: what it trains, on what, where to. It needs no network and no GPU.
DEMO_OUT ?= runs/demo
DEMO     ?= pretrain vision/digits-simclr-v1 --out $(DEMO_OUT)

# Two processes of one thread each: test files are small, and the tests that start processes of
# their own would otherwise fight over the cores.
TEST_PROCESSES ?= 2
TESTS          ?=
# Which packages, and `--only check`, `use` or `tests`; all of all by default.
ISOLATE        ?=
# Which trials of .ci/author.py; all by default.
TRIALS         ?=

.DEFAULT_GOAL := help
.PHONY: help demo test test-learning isolation author lint format docs browse serve bench pages constraints clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(STAMPS)/base ## install, then pretrain a small encoder and judge it
	$(BIN)/tacit $(DEMO)

test: lint $(STAMPS)/dev ## install, then linters, types, the layers of the house, and the tests
	OMP_NUM_THREADS=1 $(BIN)/pytest -n $(TEST_PROCESSES) --dist loadfile --no-loadscope-reorder --durations=25 $(TESTS)

test-learning: $(STAMPS)/dev ## every method beats its random encoder on digits: minutes
	OMP_NUM_THREADS=1 $(BIN)/pytest -n $(TEST_PROCESSES) --dist load -m learning $(TESTS)

lint: $(STAMPS)/dev ## linters, types and the layers of the house
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy $(SOURCES)
	$(BIN)/lint-imports --no-cache

isolation: $(STAMPS)/dev ## each package alone with the core in an empty environment (half an hour)
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python .ci/isolation.py $(ISOLATE)

author: $(STAMPS)/dev ## follow the how-tos for authors to a wheel in an empty environment
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python .ci/author.py $(TRIALS)

format: $(STAMPS)/dev ## put the code into shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: pages $(STAMPS)/docs ## build the documentation into site/
	$(BIN)/mkdocs build --strict

browse: docs $(STAMPS)/browser ## open every page of site/ in a browser: links, console, search
	$(BIN)/python .ci/browse.py site

serve: $(STAMPS)/docs ## show the documentation on a local port while writing it
	$(BIN)/mkdocs serve --strict

bench: $(STAMPS)/bench ## measure speed and memory beside other libraries (those left out need data)
	cd benchmarks && set -e; for script in [a-z]*.py; do \
	  case $$script in tables.py|quality.py|methods.py|crossmodal.py|graph.py|graph_step.py|graph_tasks.py|graph_joint.py|pairs_few.py|towers.py|three_modalities.py|vocabulary.py|text.py|audio.py) ;; *) ../$(BIN)/python $$script ;; esac; \
	done
	$(MAKE) pages

pages: $(STAMPS)/base ## write the generated pages: results and settings
	$(BIN)/python benchmarks/tables.py benchmarks/results docs/results.md
	$(BIN)/python .ci/settings_page.py docs/reference/settings.md

constraints: $(STAMPS)/dev ## resolve constraints.txt again, keeping the versions that still fit
	$(BIN)/python .ci/constraints.py $(PACKAGES)

clean: ## remove the environment, caches and builds, but no runs
	rm -rf $(VENV) site dist build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

# -- the environment -------------------------------------------------------------------------

# uv is asked for because it installs ten times faster; without it plain pip does the same.
UV := $(BIN)/uv
INSTALL = if [ -x $(UV) ]; then $(UV) pip install --python $(BIN)/python $(1); \
          else $(BIN)/python -m pip install $(1); fi

$(STAMPS)/venv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "tacit needs Python 3.11 or newer; got `$(PYTHON) --version`." \
	       "Name another: make PYTHON=/path/to/python3.11 ..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@mkdir -p $(STAMPS)
	@$(BIN)/python -m pip install --quiet uv || echo "no uv here: plain pip does it, slower"
	@touch $@

$(STAMPS)/base: $(STAMPS)/venv $(METADATA)
	@$(call INSTALL,$(EDITABLE))
	@touch $@

# `pip install --group` came with pip 25.1, and Python 3.11 brings an older one.
$(STAMPS)/%: $(STAMPS)/base pyproject.toml
	@[ -x $(UV) ] || $(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	@$(call INSTALL,$(EDITABLE) --group $*)
	@touch $@
