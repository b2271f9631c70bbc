# Needs make and Python 3.11, 3.12 or 3.13. Everything else is installed into .venv, pinned and hashed.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test check fault bench bench-pipeline bench-serving bench-steady bench-training bench-live peers services hostile engines runners broker lock

VENV := .venv
BIN := $(VENV)/bin
# Those that need nothing else: readme.py wants a report, served.py is their server, datasets.py their data.
BENCHMARKS := $(addprefix benchmarks/,first_flow.py store.py persons.py feed.py ingest.py tfrecord.py hostile.py kills.py light_install.py quality.py)

# One stamp for each set of requirements, named by their checksum: installed once, and again when they change.
checksum = $(shell cat requirements/$(1).txt pyproject.toml hatch_build.py src/coldframe/*/*.c src/coldframe/*/*/*.c | cksum | tr ' ' '-')
DEV := $(VENV)/.installed-dev-$(call checksum,dev)
TRAIN := $(or $(wildcard $(DEV)),$(VENV)/.installed-train-$(call checksum,train))

SERVICES := .venv-services/.installed-$(shell cat requirements/services.txt | cksum | tr ' ' '-')

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PYRIGHT_PYTHON_IGNORE_WARNINGS := 1

help: ## list what make can do
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

demo: $(TRAIN) ## install, import two years of a real shop, train, serve, print the address of a page
	@$(BIN)/coldframe demo

test: $(DEV) ## run every test but the slow ones (those: .venv/bin/pytest -m slow)
	$(BIN)/python -m pytest --numprocesses auto --dist worksteal -m "not slow"

check: $(DEV) ## lint, formatting, types, import layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports --no-cache

fault: $(DEV) ## break everything on purpose and write docs/reliability.md; an hour, on loopback
	$(BIN)/python benchmarks/reliability.py

bench: $(DEV) ## run the benchmarks; takes a while
	@for script in $(BENCHMARKS); do echo "== $$script" && $(BIN)/python $$script || exit 1; done

bench-pipeline: $(DEV) ## time events to a served model, and to training shards at 10 and 100 million; long, and wants disk
	$(BIN)/python benchmarks/log_to_served.py
	$(BIN)/python benchmarks/pipeline.py --events 10000000
	$(BIN)/python benchmarks/pipeline.py --events 100000000 --repeats 1

bench-serving: $(DEV) $(SERVICES) ## time a request beside services as people write them, and start to ready; long
	$(BIN)/python benchmarks/serving.py

bench-steady: $(DEV) ## swap bundles under load, then watch a server's memory for half an hour; long
	$(BIN)/python benchmarks/swaps.py
	$(BIN)/python benchmarks/soak.py

bench-training: $(DEV) ## time the factorisation beside implicit's (make peers); long
	$(BIN)/python benchmarks/training.py

bench-live: $(DEV) ## time a live server's answers while it trains beside them, and a second start; long
	$(BIN)/python benchmarks/live_training.py
	$(BIN)/python benchmarks/starts.py

# What accuracy is measured beside: libraries with pins of their own, so in an environment of their own, on Python 3.11.
PEERS := .venv-peers/.installed-$(shell cat requirements/peers.txt | cksum | tr ' ' '-')

peers: $(PEERS) ## install outside recommenders into .venv-peers, for quality.py --peers (needs Python 3.11)

$(PEERS):
	@rm -rf .venv-peers
	@$(or $(PYTHON),python3.11) -m venv .venv-peers
	@.venv-peers/bin/python -m pip install --quiet --require-hashes --requirement requirements/peers.txt
	@touch $@

services: $(SERVICES) ## install the naive service into .venv-services, for bench-serving (needs Python 3.11)

$(SERVICES):
	@rm -rf .venv-services
	@$(or $(PYTHON),python3.11) -m venv .venv-services
	@.venv-services/bin/python -m pip install --quiet --require-hashes --requirement requirements/services.txt
	@touch $@

# What makes requests of the OpenAPI document, for fuzz.py.
HOSTILE := .venv-hostile/.installed-$(shell cat requirements/hostile.txt | cksum | tr ' ' '-')

hostile: $(HOSTILE) ## install schemathesis into .venv-hostile, for fuzz.py (needs Python 3.11)

$(HOSTILE):
	@rm -rf .venv-hostile
	@$(or $(PYTHON),python3.11) -m venv .venv-hostile
	@.venv-hostile/bin/python -m pip install --quiet --require-hashes --requirement requirements/hostile.txt
	@touch $@

# The engines for many machines hold packages back, so they too have an environment of their own, with this project in it.
ENGINES := .venv-engines/.installed-$(shell cat requirements/engines.txt | cksum | tr ' ' '-')

engines: $(ENGINES) ## install Beam and Spark into .venv-engines, for pytest -m engines (needs Python 3.11; Spark, Java 17)

$(ENGINES):
	@rm -rf .venv-engines
	@$(or $(PYTHON),python3.11) -m venv .venv-engines
	@.venv-engines/bin/python -m pip install --quiet --require-hashes --requirement requirements/engines.txt
	@echo $(CURDIR)/src > $$(.venv-engines/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/coldframe.pth
	@touch $@

# Flink and Spark 3 with Beam's job servers, and the Beam of their version, beside which newer packages are held back.
RUNNERS := .venv-runners/.installed-$(shell cat requirements/runners.txt requirements/flink.pom.xml requirements/spark.pom.xml | cksum | tr ' ' '-')

runners: $(RUNNERS) ## install Flink and Spark for Beam into .venv-runners, for pytest -m runners (needs Maven, Java 17, Python 3.11)

$(RUNNERS):
	@rm -rf .venv-runners
	@$(or $(PYTHON),python3.11) -m venv .venv-runners
	@.venv-runners/bin/python -m pip install --quiet --require-hashes --requirement requirements/runners.txt
	@for name in flink spark; do mvn --quiet --batch-mode --file requirements/$$name.pom.xml dependency:copy-dependencies \
		-DoutputDirectory=$(CURDIR)/.venv-runners/$$name/jars || exit 1; done
	@touch $@

# Apache Kafka, for the tests of the live feed on a real broker.
BROKER := .broker/.installed-$(shell cat requirements/broker.pom.xml | cksum | tr ' ' '-')

broker: $(BROKER) ## fetch Apache Kafka into .broker, for pytest -m kafka (needs Maven and Java 17)

$(BROKER):
	@rm -rf .broker
	@mvn --quiet --batch-mode --file requirements/broker.pom.xml dependency:copy-dependencies -DoutputDirectory=$(CURDIR)/.broker
	@touch $@

# Resolved for every Python and platform at once. What `demo` installs is a part of what `test` installs.
UV = $(firstword $(wildcard $(BIN)/uv) uv)
COMPILE = $(UV) pip compile pyproject.toml requirements/build.in --universal --python-version 3.11 \
	--generate-hashes --no-header --no-emit-index-url --no-emit-find-links --quiet

lock: ## write requirements/*.txt anew from pyproject.toml (needs uv)
	$(COMPILE) --upgrade --extra dev --output-file requirements/dev.txt
	$(COMPILE) --upgrade --extra train --constraints requirements/dev.txt --no-annotate --output-file requirements/train.txt
	for name in peers services hostile engines runners; do \
		$(UV) pip compile requirements/$$name.in --python-version 3.11 --generate-hashes --no-header --no-annotate \
			--no-emit-index-url --no-emit-find-links --quiet --upgrade --output-file requirements/$$name.txt || exit 1; \
	done

$(VENV)/.installed-%: | $(BIN)/python
	@echo "Installing requirements/$(firstword $(subst -, ,$*)).txt into $(VENV) (once; a few minutes)"
	@rm -f $(VENV)/.installed-*
	@$(BIN)/python -m pip install --quiet --require-hashes --requirement requirements/$(firstword $(subst -, ,$*)).txt
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(BIN)/python:
	@for python in $(PYTHON) python3.13 python3.12 python3.11 python3 python; do \
		if $$python -c 'import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; \
		then exec $$python -m venv $(VENV); fi; \
	done; \
	echo "coldframe needs Python 3.11, 3.12 or 3.13 with the venv module, and none was found." >&2; \
	echo "Install one (Debian, Ubuntu: python3-venv too), or name it: make PYTHON=/path/to/python3.12 ..." >&2; \
	exit 1
