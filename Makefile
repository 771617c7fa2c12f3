# Everything for a fresh machine with Python 3.10 or newer: `make run` opens the program, `make test` runs the suite.
# Both install into .venv first and do so once: a stamp file remembers it until pyproject.toml or constraints.txt change.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check

.PHONY: run test soak check bench screenshots clean help

help:
	@echo "make run     install and open the dashboard (without a terminal: train the quick tour on the demo corpus)"
	@echo "make test    install the test extra, check style and types, run the whole suite"
	@echo "make soak    kill real workers twenty times at random moments, resume them, compare bit for bit (minutes)"
	@echo "make bench   install the bench extra, measure speed against its goals, print the table (some 15 minutes)"
	@echo "make screenshots  make the pictures of docs/guide anew"
	@echo "make clean   remove .venv and everything that was built; runs and corpora stay"
	@echo "PYTHON=python3.12 make run chooses the interpreter"

run: $(VENV)/.installed
	@$(BIN)/spk-tui

test: $(VENV)/.installed-test check
	@$(BIN)/python -m pytest -n 3 --dist worksteal

soak: $(VENV)/.installed-test
	@$(BIN)/python -m pytest -n 2 --timeout 1200 tests/engine/runs/test_kills.py --kills 20

check: $(VENV)/.installed-test
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

# BENCH='--only steps --rounds 3' chooses; python benchmarks/speed --help says what there is.
bench: $(VENV)/.installed-bench
	@$(BIN)/python benchmarks/speed $(BENCH)

# PICTURES='runs queue' chooses.
screenshots: $(VENV)/.installed-test
	@$(BIN)/python docs/guide/make_screenshots.py $(PICTURES)

# The interpreter is looked at before anything is made, so that each reason for a failure is one plain line.
$(BIN)/python:
	@command -v "$(PYTHON)" >/dev/null || { \
		echo "spk-tui: there is no '$(PYTHON)' here; install Python 3.10 or newer, or say PYTHON=/path/to/python3" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { \
		echo "spk-tui: $$("$(PYTHON)" --version 2>&1) is too old, 3.10 or newer is needed; say PYTHON=/path/to/a/newer/python3" >&2; exit 1; }
	@"$(PYTHON)" -c 'import venv, ensurepip' 2>/dev/null || { \
		echo "spk-tui: $(PYTHON) comes without its venv module; install it (Debian, Ubuntu: apt install python3-venv)" >&2; exit 1; }
	@"$(PYTHON)" -m venv "$(VENV)" || { \
		echo "spk-tui: could not make $(VENV) here; the lines above say why (a full disk, a folder that is not yours)" >&2; exit 1; }

$(VENV)/.installed: pyproject.toml | $(BIN)/python
	@$(call install,-e .)
	@touch $@

$(VENV)/.installed-test: pyproject.toml constraints.txt | $(BIN)/python
	@$(call install,-e '.[test]' -c constraints.txt)
	@touch $@ $(VENV)/.installed

$(VENV)/.installed-bench: pyproject.toml | $(BIN)/python
	@$(call install,-e '.[bench]')
	@touch $@ $(VENV)/.installed

# $(1): what pip is to install. Its own words go to a file; on failure the reason is drawn from them.
define install
	log=$(VENV)/install.log; \
	echo "spk-tui: installing into $(VENV), once (PyTorch is 200 MB for a CPU, some 3 GB with CUDA) ..."; \
	if ! $(PIP) install $(1) >$$log 2>&1; then \
		if grep -qE 'NewConnectionError|NameResolutionError|ConnectTimeout|ProxyError|Network is unreachable' $$log; then \
			reason="the package index can't be reached (no network, or a proxy is needed)"; \
		elif grep -q 'No space left on device' $$log; then \
			reason="the disk is full"; \
		else \
			reason="$$(grep -E '^ *(ERROR|error): ' $$log | tail -n 1)"; \
		fi; \
		echo "spk-tui: the installation failed: $$reason; the whole story is in $$log" >&2; \
		exit 1; \
	fi
endef

clean:
	@rm -rf "$(VENV)" dist build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis *.egg-info
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
