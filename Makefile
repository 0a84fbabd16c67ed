# Garner. `make help` lists what can be made.
PYTHON ?= python3
STUDY ?= languages
BENCH ?= demo
PROFILE ?= sge
CORES ?= $(shell nproc)

READY := .venv/.ready
RUN := .venv/bin/python -m
export PATH := $(CURDIR)/.venv/bin:$(PATH)

.DEFAULT_GOAL := help
.PHONY: help setup demo app test lint format reference bench reset unlock clean-demo cluster-test cluster-doctor

help: ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup: $(READY) ## prepare .venv with all pinned packages

# torch first and by itself, so that the build already there or chosen by the site stays for all that need it.
$(READY): requirements.txt pyproject.toml
	test -x .venv/bin/python || $(PYTHON) -m venv .venv
	.venv/bin/pip install --disable-pip-version-check $$(grep -E '^torch==' requirements.txt)
	.venv/bin/pip install --disable-pip-version-check -r requirements.txt
	.venv/bin/pip install --disable-pip-version-check --no-deps -e .
	touch $(READY)

demo: $(READY) ## run a whole study on data from this machine: make demo [STUDY=languages|tags|ages]
	$(RUN) replica.demo $(STUDY) --cores $(CORES)

app: $(READY) ## put the newest model of questions into app/ and open it in the browser: make app [STUDY=tags]
	$(RUN) garner app $(if $(filter file,$(origin STUDY)),,$(STUDY))
	.venv/bin/python app/app.py --open

test: $(READY) lint ## check and test everything: make test [ARGS="-k crawl"]
	$(RUN) pytest -n $(CORES) --maxprocesses 4 --dist loadfile --no-loadscope-reorder $(ARGS)

cluster-test: $(READY) ## test on a real Grid Engine and Slurm, installed and started here (Debian, as root)
	tests/cluster/install.sh
	$(RUN) pytest tests/cluster -n 2 --dist loadgroup $(ARGS)

cluster-doctor: $(READY) ## check a cluster's profile, and say what to put into it: make cluster-doctor [PROFILE=slurm]
	$(RUN) garner doctor $(PROFILE) --patience $(or $(PATIENCE),120)

lint: $(READY) ## check style, rules, and that the reference of settings is up to date
	ruff check .
	ruff format --check .
	snakefmt --check Snakefile rules
	snakemake --lint
	$(RUN) garner reference rules/config.schema.yaml | diff docs/configuration.md - \
	  || (echo "docs/configuration.md is not what the schema says: run make reference" && false)

format: $(READY) ## put the code into shape
	ruff check --fix .
	ruff format .
	snakefmt Snakefile rules

reference: $(READY) ## write docs/configuration.md from the schema
	$(RUN) garner reference rules/config.schema.yaml > docs/configuration.md

bench: $(READY) ## measure against a named peer: make bench [BENCH=demo]
	$(RUN) bench $(BENCH)

reset: $(READY) ## forget a stage's results and progress, after asking: make reset STAGE=clone [STUDY=languages]
	$(RUN) garner reset $(STUDY) $(or $(STAGE),$(error which stage? make reset STUDY=$(STUDY) STAGE=clone))

unlock: $(READY) ## clear Snakemake's lock if the run that took it is dead
	$(RUN) garner unlock

clean-demo: $(READY) ## remove the demos' settings and data (their results stay)
	$(RUN) replica.demo --clean
