# Everything sets itself up: `make demo` and `make test` are each enough on a fresh Debian or Ubuntu machine that has
# make and Python 3.11 or newer with venv. `make demo` needs no root and nothing but PyPI.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.NOTPARALLEL:
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
PEERS := tests/peers/node_modules/.complete
# Every PDU that our code encodes in a run, which the judge has tshark read afterwards.
PDUS := $(CURDIR)/.venv/pdus
JUDGE := tests/e2e/test_tshark.py
PURE := gateway/model/*,gateway/smpp/*,gateway/sms/*,gateway/policy/*

.PHONY: help demo test torture check bench docs clean debian

help: ## Show this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1|\2/p' Makefile | column -t -s '|'

demo: .venv/complete ## Watch it work: a carrier, a gateway and a conversation, on this machine alone
	@$(BIN)/gateway demo

test: check debian $(PEERS) ## All checks, all tests, coverage
	@$(BIN)/coverage erase
	@rm -rf $(PDUS) && mkdir $(PDUS)
	@GATEWAY_TEST_PDUS=$(PDUS) $(BIN)/coverage run -m pytest -n 2 --dist loadfile --no-loadscope-reorder --ignore=$(JUDGE) | tee .venv/pytest_output
	@GATEWAY_TEST_PDUS=$(PDUS) $(BIN)/coverage run -m pytest $(JUDGE)
	@$(BIN)/coverage combine --quiet
	@echo "Branch coverage of the pure core must be 100 %:"
	@$(BIN)/coverage report --include='$(PURE)' --fail-under=100
	@echo "Branch coverage of the whole must be 95 %:"
	@$(BIN)/coverage report --fail-under=95
	@tail -n 1 .venv/pytest_output

torture: .venv/complete-test debian ## Failure at every point of a conversation, one after the other: an hour or so
	@TORTURE=whole $(BIN)/pytest tests/torture --durations=0

check: .venv/complete-test ## Format, lint, types and layers
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

bench: .venv/complete-bench ## Measure; numbers are for the machine that they are taken on
	@echo "== gateway bench"; $(BIN)/gateway bench
	@for name in $(patsubst benchmarks/%.py,%,$(wildcard benchmarks/*.py)); do \
	    size=""; if [ $$name = big_store ]; then size="--consents 100000 --queued 10000"; fi; \
	    echo "== $$name"; $(BIN)/python -m benchmarks.$$name $$size; \
	done

docs: .venv/complete ## Write the pages that are made from the code
	@$(BIN)/python -m gateway.config.document > docs/configuration.md
	@$(BIN)/python -m gateway.telemetry.document > docs/metrics.md
	@$(BIN)/python -m gateway.cli.document > docs/commands.md

clean: ## Remove everything that was set up here
	@rm -rf .venv build dist *.egg-info tests/peers/node_modules .coverage .coverage.*
	@rm -rf .hypothesis .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
	@find gateway tests -name __pycache__ -prune -exec rm -rf {} +

debian:
	@.ci/debian nodejs:node npm:npm systemd:systemd-analyze tshark:tshark strace:strace libnet-smpp-perl:Net::SMPP \
		'postgresql:/usr/lib/postgresql/*/bin/postgres'

$(BIN)/python:
	@python=$$(.ci/python) && echo "Setting up .venv with $$python" && "$$python" -m venv --clear .venv

.venv/complete: setup.cfg pyproject.toml | $(BIN)/python
	@echo "Installing the gateway into .venv"
	@$(PIP) install --use-pep517 -e .
	@touch $@

.venv/complete-test: setup.cfg pyproject.toml | $(BIN)/python
	@echo "Installing the gateway and its test tools into .venv"
	@$(PIP) install --use-pep517 -e '.[test]'
	@touch $@ .venv/complete

.venv/complete-bench: .venv/complete-test
	@echo "Installing what draws graphs into .venv"
	@$(PIP) install --use-pep517 -e '.[bench]'
	@touch $@

$(PEERS): tests/peers/package.json tests/peers/package-lock.json | debian
	@echo "Installing the peers that tests talk to"
	@cd tests/peers && npm ci --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error
	@touch $@
