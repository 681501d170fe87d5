# The front door. Each target calls one script in scripts/, which can as well be run by hand.
# ARGS="…" goes to the program: make run ARGS="--listen 127.0.0.1:9000".
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help run demo clean-demo watch test test-long unit e2e crawl fuzz lint audit bench package test-packages docs pictures

help: ## List what can be made
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## Build what has changed and serve http://127.0.0.1:8000, data in ./data
	@scripts/run.sh $(ARGS)

demo: ## The same with simulated devices and a backup every minute, data in target/demo
	@scripts/demo.sh

clean-demo: ## Forget the demo's data
	rm -rf target/demo

watch: ## Rebuild and reload the page while you edit (wants cargo-leptos)
	@scripts/watch.sh $(ARGS)

test: ## Install what the tests need and run all of them
	@scripts/install-test-tools.sh && scripts/check-prerequisites.sh && scripts/test.sh

test-long: ## The same, with the whole of what is otherwise sampled
	@ETIQA_TEST_LONG=1 $(MAKE) --no-print-directory test

unit: ## The Rust tests alone
	@scripts/install-test-tools.sh && scripts/test.sh rust

e2e: ## The browser tests alone
	@scripts/install-test-tools.sh && scripts/test.sh browser

crawl: ## Look at every page of a build that checks hydration (the first time a long build)
	@scripts/install-test-tools.sh && scripts/crawl-hydration.sh

fuzz: ## Feed the fuzzers, a minute each (ETIQA_FUZZ_SECONDS=600 for longer)
	@scripts/fuzz.sh

lint: ## Formatting, clippy, scripts, migrations, dependencies
	@scripts/lint.sh

audit: ## Ask for known holes in what this depends on (wants a network)
	@scripts/audit.sh

bench: ## Measure speed and size; prints, judges nothing
	@bench/run.sh

package: ## Build what is released: a static program, a Debian package, an image's content, in target/package
	@scripts/package.sh

test-packages: ## Install, run and remove the Debian package of the tests' program (as root, in a machine to throw away)
	@scripts/test.sh packages

docs: ## Build the book of docs/ into target/docs and check its links
	@scripts/docs.sh

pictures: ## Take the pictures of docs/pictures anew
	@scripts/pictures.sh
