# Each target sets up what it needs. PYTHON: 3.11 or later. RASA_PYTHON: 3.10, found by itself when not given.
PYTHON ?= python3
TORCH ?= torch==2.13.0
CONFIG ?= $(firstword $(wildcard library.toml) demo/library.toml)
export RASA_TELEMETRY_ENABLED = false

PRODUCT := .venv/ready
RASA := .venv-rasa/ready
THUTHU := .venv/bin/thuthu --config $(CONFIG)

.PHONY: run test test-live test-invenio widget check bench bench-scale eval-nlu eval-robust setup screenshots clean

run: setup ## start everything
	$(THUTHU) run

setup: $(PRODUCT) $(RASA) ## both environments, the demo library, the index, the model
	$(THUTHU) prepare

$(PRODUCT): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Thủ Thư needs Python 3.11 or later; $(PYTHON) is older. Name one: make PYTHON=/path/to/python3.12"; exit 1; }
	$(PYTHON) -m venv --clear .venv
	.venv/bin/pip install --quiet --upgrade pip
	.venv/bin/pip install --quiet "$(TORCH)"
	.venv/bin/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

$(RASA): bot/requirements.txt
	python=$$(./bot/python310.sh "$(RASA_PYTHON)") && $$python -m venv --clear .venv-rasa
	.venv-rasa/bin/pip install --quiet --upgrade pip
	.venv-rasa/bin/pip install --quiet --no-deps --requirement bot/requirements.txt
	touch $@

test: setup widget ## every test, both environments
	.venv-rasa/bin/python -m pytest tests/bot/components tests/library -c tests/rasa-pytest.ini
	.venv/bin/python -m pytest

test-live: $(PRODUCT) ## the contract suite against a live Koha or SIP2 server: docs/live-suite.md names the variables
	@test -n "$(KOHA_URL)$(SIP2_HOST)" || { echo "Nothing live is named: set KOHA_URL or SIP2_HOST; docs/live-suite.md"; exit 2; }
	.venv/bin/python -m pytest tests/contract/test_ils.py -k live -rA

test-invenio: .venv-invenio/ready ## the contract suite against invenio-sip2's server, which has an environment of its own
	.venv/bin/python -m tests.contract.with_invenio .venv-invenio/bin/python

# One of its dependencies leaves a package called `tests` behind, which would hide ours; what our simulators need is
# found in our own environment, after everything of Invenio's.
.venv-invenio/ready: $(PRODUCT)
	$(PYTHON) -m venv --clear .venv-invenio
	.venv-invenio/bin/pip install --quiet 'invenio-sip2==1.0.0' six
	site=$$(.venv-invenio/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))') && rm -rf "$$site/tests" && \
	  .venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))' > "$$site/product.pth"
	touch $@

widget: ## what the widget's own tests need; who only runs the product needs no Node
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory connectors/widget/node_modules/ready; \
	  else echo "npm is not there: the widget's own tests will be skipped (Node 20.19 or later has it)"; fi

connectors/widget/node_modules/ready: connectors/widget/package-lock.json
	npm ci --prefix connectors/widget --ignore-scripts --no-audit --no-fund --loglevel=error
	touch $@

check: $(PRODUCT) ## style and types
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy

bench: setup ## figures, one JSON line each
	.venv/bin/python -m bench

bench-scale: $(PRODUCT) ## a catalogue of N records from file to search: make bench-scale N=1000000 FROM="a.mrc b.mrc"
	.venv/bin/python -m bench.scale var/scale $(or $(N),1000000) $(FROM)

eval-nlu: setup ## make eval-nlu DATA=file.tsv [OUT=file.json]
	@test -n "$(DATA)" || { echo "make eval-nlu DATA=file.tsv [OUT=file.json]: text, intent, slots JSON, tags"; exit 2; }
	@.venv-rasa/bin/python -W ignore -m bot.evaluate "$(DATA)" $(if $(OUT),--out "$(OUT)")

eval-robust: setup ## how often an intent survives hurried typing: make eval-robust DATA=file.tsv [OUT=file.json]
	@test -n "$(DATA)" || { echo "make eval-robust DATA=file.tsv [OUT=file.json]: the file that make eval-nlu takes"; exit 2; }
	@.venv-rasa/bin/python -W ignore -m bot.robustness "$(DATA)" $(if $(OUT),--out "$(OUT)")

screenshots: $(PRODUCT) ## the pictures of the librarian's guide; needs Chromium
	.venv/bin/python docs/screenshots.py

clean: ## everything made at run time, environments too
	rm -rf .venv .venv-rasa .venv-invenio var
