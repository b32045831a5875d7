# The two commands: `make run` and `make test`. Everything else is a step of theirs, or for developers: `make help`.
SHELL := /bin/bash
.DEFAULT_GOAL := help

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## build/release/weir, with all that it needs installed
	@tools/setup build
	@tools/setup page || true
	@tools/build release

run: build ## build, then collect flows here until Ctrl-C
	@tools/setup store
	@exec build/release/weir run $(if $(CONFIG),--config $(CONFIG))

demo: build ## as run, with generated traffic to look at
	@tools/setup store
	@tools/demo

test: ## every test; the last line is "N passed, N failed"
	@tools/setup build
	@tools/setup page || true
	@tools/setup store || true
	@tools/setup test
	@tests/run

soak: ## the long tests
	@tools/setup build && tools/setup store && tools/setup test
	@tests/run --soak

fuzz: ## run each fuzz target for FUZZ_SECONDS (60) with libFuzzer
	@tools/setup build && tools/setup fuzz
	@tools/fuzz $(or $(FUZZ_SECONDS),60)

bench: build ## speed beside other programs; BENCH_FLOWS (750000), BENCH_STORED (10000000) and others: bench/run
	@tools/setup store && tools/setup test && tools/setup bench
	@bench/run
	@bench/probe
	@bench/replicate
	@bench/generate

bench-scale: build ## cost a flow by exporters, templates and stored flows (BENCH_STORED: 200000000); bench/run --scale
	@tools/setup store && tools/setup bench
	@bench/run --scale

bench-replicate: build ## copies a processor second, beside samplicator (SAMPLICATE names its program) and socat
	@bench/replicate

bench-generate: build ## flows a processor second that are made and sent, beside nfreplay
	@bench/generate

lint: ## format and warnings, gcc and clang
	@tools/setup build && tools/setup fuzz
	@tools/lint

doc: build ## make the generated pages of doc/ again
	@for page in columns:columns exporters:exporters faults:faults notify:notify config:configuration; do \
		build/release/weir reference $${page%:*} >doc/$${page#*:}.md; \
	done
	@tools/requirements >doc/requirements.md

clean: ## remove what was built; data and downloads stay
	rm -rf build

.PHONY: help build run demo test soak fuzz bench bench-scale bench-replicate bench-generate lint doc clean
