# One command for each habit. `make setup` is part of every other; repeated without a network it does nothing.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

VENV   := .venv
GATEWAY := .venv-gateway
BENCH  := .venv-bench
PYTHON := $(VENV)/bin/python
NXF     = $(shell tests/rigs/nextflow/up 2>/dev/null)
DATA   ?= ../shared/data/instruct
OUT    ?= results
TESTS  ?=
export NXF_ANSI_LOG ?= false

.PHONY: help setup setup-gateway lock lint test demo test-gateway test-n8n bench-gateway test-slurm test-distributed test-vault test-data test-verdicts bench-anonymize bench-finetune bench-estimate bench-evaluate bench-drift clean

help: ## Show this list
	@sed -n 's/^\([a-z0-9-]*\):[^#]*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 26

setup: $(VENV)/.synced ## Python environment from the lock, Java checked, Nextflow found or installed
	@tests/rigs/nextflow/up >/dev/null

# Shell: $$uv is uv from PATH, else one of its own in .tools.
define FIND_UV
uv=$$(command -v uv || true); \
	  if [ -z "$$uv" ]; then \
	    uv=.tools/uv/bin/uv; \
	    [ -x $$uv ] || { command -v python3 >/dev/null || { echo "setup: python3 is missing: install Python 3.11, 3.12 or 3.13" >&2; exit 1; }; \
	      echo "setup: uv is missing, installing it into .tools"; \
	      python3 -m venv .tools/uv || { echo "setup: python3 cannot make environments: install python3-venv" >&2; exit 1; }; \
	      .tools/uv/bin/pip install -q --disable-pip-version-check uv || { echo "setup: uv could not be installed: is there a network?" >&2; exit 1; }; }; \
	  fi
endef

# Shell: the environment in which the target lies holds what the lock, its first prerequisite, says. Compiled once: a task may not write there.
define SYNC
[ -x $(@D)/bin/python ] || "$$uv" venv -q --python '>=3.11,<3.14' $(@D) || { echo "setup: no Python 3.11, 3.12 or 3.13 here: install one" >&2; exit 1; }; \
	  VIRTUAL_ENV=$(@D) "$$uv" pip sync -q --require-hashes --compile-bytecode $< || { echo "setup: the packages could not be installed: see above (network, disk?)" >&2; exit 1; }
endef

$(VENV)/.synced: requirements.lock
	@free=$$(df -Pk . | awk 'NR == 2 { print int($$4 / 1048576) }'); \
	  [ "$$free" -ge 8 ] || { echo "setup: disk full: $$free GiB free here, 8 GiB are needed" >&2; exit 1; }
	@$(FIND_UV); \
	  echo "setup: Python environment in $(VENV) (some 5 GB, once)"; \
	  $(SYNC)
	@touch $@

setup-gateway: $(GATEWAY)/.synced ## The gateway's own small Python environment, without torch

$(GATEWAY)/.synced: gateway/requirements.lock
	@$(FIND_UV); \
	  $(SYNC)
	@touch $@

lock: ## Resolve pyproject.toml anew into requirements.lock (hashes, no registry addresses)
	uv lock --upgrade
	uv export -q --frozen --no-emit-project --no-annotate --no-header -o requirements.lock
	uv lock --upgrade --project gateway
	uv export -q --project gateway --frozen --no-emit-project --no-annotate --no-header -o gateway/requirements.lock
	sed -i.old "s/^# lock: .*/# lock: sha256:$$(sha256sum requirements.lock | cut -c1-64)/" containers/environment.yml && rm containers/environment.yml.old

lint: setup ## Style and obvious mistakes
	$(PYTHON) -m ruff check bin benchmarks gateway tests training
	$(PYTHON) -m ruff format --check bin benchmarks gateway tests training

test: setup setup-gateway ## All tests but those with real servers
	$(PYTHON) -m pytest $(TESTS)
	$(if $(TESTS),,$(GATEWAY)/bin/python -m pytest -c gateway/pytest.ini tests/gateway tests/deploy)

test-gateway: setup-gateway ## The gateway on real PostgreSQL, Redis, Slurm and Nextflow, and in Chromium
	$(GATEWAY)/bin/python -m pytest -c gateway/pytest.ini $(or $(TESTS),tests/gateway) --rigs

test-n8n: setup-gateway ## Real n8n drives real runs to their verdict, through kill -9 of everything
	$(GATEWAY)/bin/python -m pytest -c gateway/pytest.ini tests/deploy --rigs

demo: setup ## Sample in, fine-tuned SmolLM2-135M with verdict and report out, in minutes
	@PATH="$(abspath $(VENV))/bin:$$PATH" bin/watch.py $(NXF) run . -profile demo --outdir $(OUT) $(if $(wildcard .nextflow/history),-resume)

test-slurm: setup ## A real one-node Slurm runs -profile slurm,gpu,test to a verdict
	$(PYTHON) -m pytest tests/pipeline/test_slurm.py --rigs

test-distributed: setup ## Two training processes over gloo agree with one
	$(PYTHON) -m pytest tests/bin/test_finetune.py tests/bin/test_training_distributed.py --rigs -m rig

test-vault: setup ## A real Vault gives the pseudonymization key, by token and by AppRole
	$(PYTHON) -m pytest tests/bin/test_keys_vault.py --rigs

test-data: setup ## Public data sets in ../shared/data run to a verdict and a report
	$(PYTHON) -m pytest tests/pipeline/test_real_data.py --rigs

test-verdicts: setup ## The gate on SmolLM2 trained on good data, shuffled answers, a planted secret
	$(PYTHON) -m pytest -s tests/pipeline/test_verdicts.py --rigs

bench-anonymize: setup $(BENCH)/.synced ## Detection, speed and memory beside Presidio on the same texts; last line is JSON
	$(PYTHON) benchmarks/anonymize/run.py $(BENCH_ARGS)

$(BENCH)/.synced: benchmarks/requirements.lock
	@$(FIND_UV); \
	  [ -x $(BENCH)/bin/python ] || "$$uv" venv -q --python $(PYTHON) $(BENCH); \
	  VIRTUAL_ENV=$(BENCH) "$$uv" pip sync -q --require-hashes benchmarks/requirements.lock
	@touch $@

bench-finetune: setup $(BENCH)-finetune/.synced $(BENCH)-llamafactory/.synced ## LoRA speed, loss and memory beside TRL and LLaMA-Factory; last line is JSON
	$(PYTHON) benchmarks/finetune/run.py --data "$(DATA)" $(BENCH_ARGS)

bench-estimate: setup ## Memory predicted and measured for many recipes; last line is JSON
	$(PYTHON) benchmarks/estimate/run.py $(BENCH_ARGS)

bench-evaluate: setup ## Evaluation beside a plain script: speed, identical answers, memory; last line is JSON
	$(PYTHON) benchmarks/evaluate/run.py --data "$(DATA)" $(BENCH_ARGS)

bench-gateway: setup-gateway ## 200 clients, 1,000 runs, 10,000 events on SQLite and PostgreSQL; last line is JSON
	$(GATEWAY)/bin/python benchmarks/gateway/run.py $(BENCH_ARGS)

bench-drift: setup ## Drift: false alarms, what is seen from which share on, cost; last line is JSON
	$(PYTHON) benchmarks/drift/run.py $(BENCH_ARGS)

$(BENCH)-finetune/.synced: benchmarks/finetune-trl.lock
	@$(FIND_UV); \
	  [ -x $(BENCH)-finetune/bin/python ] || "$$uv" venv -q --python $(PYTHON) $(BENCH)-finetune; \
	  VIRTUAL_ENV=$(BENCH)-finetune "$$uv" pip sync -q --require-hashes benchmarks/finetune-trl.lock
	@touch $@

# It has pins of its own and does not install everywhere: without it the benchmark says so and goes on.
$(BENCH)-llamafactory/.synced: benchmarks/finetune-llamafactory.lock
	@$(FIND_UV); \
	  [ -x $(BENCH)-llamafactory/bin/python ] || "$$uv" venv -q --python $(PYTHON) $(BENCH)-llamafactory; \
	  if VIRTUAL_ENV=$(BENCH)-llamafactory "$$uv" pip sync -q --require-hashes benchmarks/finetune-llamafactory.lock; then touch $@; \
	  else echo "bench-finetune: LLaMA-Factory could not be installed here: see above" >&2; rm -f $(BENCH)-llamafactory/bin/python; fi

clean: ## Remove results and Nextflow's work folder, the pseudonymization key in it too
	rm -rf work results pipeline_info .nextflow .nextflow.log*

.PHONY: nf-test
nf-test: setup ## nf-test files of modules and pipeline, where nf-test is installed
	@command -v nf-test >/dev/null || { echo "nf-test is not installed: the same scenarios run in make test"; exit 0; }; \
	  PATH="$(abspath $(VENV))/bin:$$(dirname $(NXF)):$$PATH" nf-test test modules tests/pipeline
