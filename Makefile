# One door to everything. Each target installs what it needs, or says what is missing, and may be run again at any time.
SHELL := /bin/sh
NODE := scripts/node
MINI_WORKSPACE ?= $(CURDIR)/constellation-mini
.DEFAULT_GOAL := help

.PHONY: help install browser vault python-tools generate ok types lint format dead unit integration coverage mutation flips test image image-debug components evidence-page e2e mini mini-down bench bench-evidence clean

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 24

install: ## Install what builds and tests need: system packages, Node.js, npm packages, the tools tree
	@scripts/install

browser: install ## Install the browser that integration tests use
	@scripts/install chromium

mini: install image ## From nothing to a running attested cluster of two nodes on this machine
	./constellation mini up --workspace $(MINI_WORKSPACE) --yes

mini-down: ## End the cluster that 'make mini' started
	./constellation mini down --workspace $(MINI_WORKSPACE) --yes

image: install ## Build the node image and its predicted measurements into build/image
	@$(NODE) image/src/main.ts

image-debug: install ## Build the debug image (fault injection; other measurements) into build/image-debug
	@$(NODE) image/src/main.ts --flavour debug

components: install ## Build the upstream components that tests run on the host
	@$(NODE) image/src/build-components.ts

vault: install ## Build Vault, whose tests are skipped without it (20 minutes)
	@$(NODE) image/src/build-components.ts vault

python-tools: install ## Install the Python programs that integration tests talk to
	@scripts/python-tools

evidence-page: install ## Build the page that judges evidence in a browser into build/evidence-page
	@$(NODE) docs/evidence-page/src/build.ts

generate: install ## Generate code from proto/
	@scripts/generate

types:
	@node_modules/.bin/tsc --noEmit -p tsconfig.json
	@node_modules/.bin/tsc --noEmit -p docs/evidence-page/tsconfig.json
	@node_modules/.bin/tsc --noEmit -p docs/evidence-page/tsconfig.page.json

lint:
	@node_modules/.bin/oxlint --type-aware --deny-warnings
	@node_modules/.bin/buf lint

format:
	@node_modules/.bin/biome format --write --log-level=warn

dead:
	@$(NODE) node_modules/.bin/knip

unit: install ## Run the unit tests
	@$(NODE) scripts/test.ts unit

integration: components browser python-tools ## Run the tests against real programs: swtpm, etcd, kube-apiserver, Chromium, moto, PyKMIP, the AWS command line, QEMU's network
	@$(NODE) scripts/test.ts integration

coverage: install ## Run the unit tests of the packages that decide on trust: all their lines and branches must be run
	@$(NODE) scripts/coverage.ts

mutation: install ## Change the code that decides on trust, one place at a time: unit tests must notice (goes on where it was cut off; PACKAGES="x509 tdx" for some)
	@$(NODE) packages/mutation/src/main.ts $(PACKAGES)

flips: install ## Change every byte of every good piece of evidence, and see that it is refused (hours; goes on where it was cut off; CASES="tdx/ nitro/" for some)
	@$(NODE) packages/evidence/src/testing/flips/main.ts $(CASES)

ok: install generate types lint format dead unit ## What must be green before each commit

test: install browser python-tools image components ## Run what every change must pass: unit, integration, a cluster in virtual machines and attacks on its disks
	@$(NODE) scripts/test.ts all

e2e: install image image-debug components python-tools ## Run all tests in virtual machines (hours under emulation)
	@$(NODE) scripts/test.ts e2e

bench: install image image-debug components ## Print the measured numbers of SPECIFICATION.md
	@$(NODE) bench/src/main.ts

bench-evidence: install ## Print the numbers of verifying evidence, beside other verifiers
	@$(NODE) bench/src/main.ts evidence

clean: ## Remove what builds left in the checkout (the cache outside it stays)
	rm -rf build
