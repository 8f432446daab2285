# Everything that is done to this repository. `make` lists it.

SHELL := /bin/bash
STEP := .ci/step
TOOLS := target/tools
# A real S3 server for the tests.
WEED := CONSIGN_TEST_WEED=$(CURDIR)/$(TOOLS)/venv/bin/weed
# What `make run` runs, and builds before.
SERVICE ?= cargo run --release --locked -p consign-cli --
# Passed on by `make run`: make run ARGS='--http-listen 127.0.0.1:9090'
ARGS ?=
# How often `make stress` kills the service on each database and cuts the power of each disk, and how long it collects garbage.
KILLS ?= 500
POWER_CUTS ?= 50
COLLECTION_SECONDS ?= 60
# How many rounds of races `make stress` runs, how many operations it makes up, and how many secrets and notes it forges.
ROUNDS ?= 200
OPERATIONS ?= 80000
MUTATIONS ?= 1000000
# How many faults of each kind it plants in a store, and how often it has one fail.
FAULTS ?= 500
# How long `make fuzz` looks at each parser.
FUZZ_SECONDS ?= 20

.DEFAULT_GOAL := help
# One thing at a time, in the order in which it is named: cargo takes all cores anyway.
.NOTPARALLEL:
.PHONY: help run build test check unit stress bench fuzz setup reference fmt format lint walls sizes doc deny machete proto postgres-tls clean-tools

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## Run the service (ARGS='…' are its options)
	$(SERVICE) serve $(ARGS)

build: ## Build the release binary
	cargo build --release --locked -p consign-cli

test: setup check unit ## Install what is missing, then check and test everything

check: fmt lint walls sizes doc deny machete proto ## Check everything that needs no test

unit: ## Run the tests, on SQLite and on a PostgreSQL of their own
	@.ci/setup postgres disks curl certificates buf seaweed clients
	@$(WEED) CONSIGN_TEST_BUF=$(CURDIR)/$(TOOLS)/venv/bin/buf CONSIGN_TEST_CLIENTS=$(CURDIR)/$(TOOLS)/clients $(STEP) tests .ci/with-postgres .ci/tests

stress: ## Run the races, kills, power cuts and collections of the tests for long: minutes, where `unit` takes seconds
	@.ci/setup postgres disks seaweed
	@$(WEED) CONSIGN_TEST_ROUNDS=$(ROUNDS) CONSIGN_TEST_OPERATIONS=$(OPERATIONS) CONSIGN_TEST_KILLS=$(KILLS) CONSIGN_TEST_POWER_CUTS=$(POWER_CUTS) \
		CONSIGN_TEST_COLLECTION_SECONDS=$(COLLECTION_SECONDS) CONSIGN_TEST_FAULTS=$(FAULTS) CONSIGN_TEST_CHAOS=$(FAULTS) CONSIGN_TEST_MUTATIONS=$(MUTATIONS) \
		$(STEP) stress .ci/with-postgres .ci/stress

bench: ## Run the benchmarks
	@.ci/setup postgres nginx curl
	@$(STEP) bench-access cargo bench --locked -p integration-tests --bench access
	@$(STEP) bench-metadata .ci/with-postgres cargo bench --locked -p integration-tests --bench metadata
	@$(STEP) bench-promotions .ci/with-postgres cargo bench --locked -p integration-tests --bench promotions
	@$(STEP) bench-transfer .ci/with-postgres --durable cargo bench --locked -p integration-tests --bench transfer

fuzz: ## Fuzz every parser of foreign input, each for FUZZ_SECONDS
	@.ci/setup cargo-fuzz
	@$(STEP) fuzz .ci/fuzz $(FUZZ_SECONDS)

setup: ## Install what the checks and the tests need and this machine lacks
	@$(STEP) setup .ci/setup

reference: ## Write the documents that are made from the code
	cargo run --quiet --locked -p integration-tests --bin reference > docs/reasons.md

fmt: ## Check that the code is formatted
	@$(STEP) fmt cargo fmt --all --check

format: ## Format the code and the protocol
	@.ci/setup buf
	cargo fmt --all
	cd proto && ../$(TOOLS)/venv/bin/buf format --write

lint: ## Run clippy on all targets
	@$(STEP) lint cargo clippy --workspace --all-targets --locked -- -D warnings

walls: ## Check which crates know which
	@$(STEP) walls .ci/walls

sizes: ## Check the length of files, and that nothing is left for later
	@$(STEP) sizes .ci/sizes

doc: ## Build the documentation without a warning
	@RUSTDOCFLAGS='-D warnings' $(STEP) doc cargo doc --workspace --no-deps --locked

deny: ## Check licences, sources and bans of all dependencies
	@.ci/setup cargo-deny
	@$(STEP) deny $(TOOLS)/bin/cargo-deny --locked check --hide-inclusion-graph bans licenses sources

machete: ## Look for dependencies that nothing uses
	@.ci/setup cargo-machete
	@$(STEP) machete $(TOOLS)/bin/cargo-machete --skip-target-dir

proto: ## Check the protocol: lint, format, compatibility with the last release
	@.ci/setup buf
	@$(STEP) proto .ci/proto

postgres-tls: ## Check the build with TLS to PostgreSQL (OpenSSL is built from source)
	@.ci/setup perl
	@$(STEP) postgres-tls cargo check --locked --workspace --features consign-cli/postgres-tls

clean-tools: ## Remove the tools that setup has built
	rm -rf $(TOOLS)
