# Two commands do everything on a fresh machine: `make run` and `make test`.
# Settings: docs/how-to/run-locally.md

PYTHON ?=
LEVEL_RUN = @PYTHON='$(PYTHON)' sh deploy/local/setup.sh run
LEVEL_DEV = @PYTHON='$(PYTHON)' sh deploy/local/setup.sh dev
PLATFORM = .venv/bin/python -m deploy.local
PYTEST = .venv/bin/python -m pytest

.DEFAULT_GOAL := help
.PHONY: help setup run stop status logs restart bank-day env test test-conformance test-browser test-interop test-faults soak \
	check format \
	bench docs lock clean

help: ## Show what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## Install everything that running and testing need, and start nothing
	$(LEVEL_DEV)

run: ## Start the whole platform with demo data (DETACH=1: in the background)
	$(LEVEL_RUN)
	@$(PLATFORM) $(if $(DETACH),start,run)

stop: ## Stop the platform
	@test ! -x .venv/bin/python || $(PLATFORM) stop

status: ## Show every process, whether it is ready, and where its log is
	@test ! -x .venv/bin/python || $(PLATFORM) status

logs: ## Follow the logs (NAME=identity-web: of one process)
	@$(PLATFORM) logs $(NAME)

restart: ## Restart one process: NAME=identity-web
	@$(PLATFORM) restart $(NAME)

bank-day: ## Move the simulated bank to its next day and fetch its reports and statements
	@$(PLATFORM) do payments next-bank-day

env: ## Print KEY=value lines that a program outside the platform needs
	@$(PLATFORM) env

test: ## Run every test that needs neither a browser nor a running platform
	$(LEVEL_DEV)
	@$(PYTEST) -n $(or $(WORKERS),2) -m 'not browser and not faults and not interop and not conformance' $(ARGS)

test-conformance: ## Run one test for each module of the OpenID conformance plans, in every variant
	$(LEVEL_DEV)
	@$(PYTEST) -n $(or $(WORKERS),2) -m conformance $(ARGS)

test-browser: ## Run the tests that need Chromium
	$(LEVEL_DEV)
	@$(PYTEST) -m browser $(ARGS)

test-interop: ## Run the tests in which foreign clients sign in (Apache with mod_auth_openidc, if installed)
	@PYTHON='$(PYTHON)' sh deploy/local/setup.sh interop
	@$(PYTEST) -m interop $(ARGS)

test-faults: ## Run the tests that kill processes of a platform of their own
	$(LEVEL_DEV)
	@$(PYTEST) -m faults $(ARGS)

soak: ## Kill processes at random moments of 200 runs of 10,000 payments each (SOAK_ROUNDS, SOAK_PAYMENTS)
	$(LEVEL_DEV)
	@SOAK_ROUNDS=$(or $(SOAK_ROUNDS),200) $(PYTEST) tests/faults/test_bulk.py -m faults $(ARGS)

check: ## Check style, types, walls between modules, tidiness and generated documents
	$(LEVEL_DEV)
	@.venv/bin/python -m deploy.local.check

format: ## Put the code into its one format
	$(LEVEL_DEV)
	@.venv/bin/ruff check --fix --quiet . ; .venv/bin/ruff format .

bench: ## Measure what benchmarks/README.md reports
	$(LEVEL_DEV)
	@.venv/bin/python -m benchmarks $(ARGS)

docs: ## Write the generated documents anew
	$(LEVEL_DEV)
	@.venv/bin/python -m deploy.documents

lock: ## Compile requirements/*.in to hash-pinned lock files
	$(LEVEL_DEV)
	@sh deploy/local/lock.sh

clean: stop ## Delete all data, keys and logs of the local platform
	@$(PLATFORM) clean
