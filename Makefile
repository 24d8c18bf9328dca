# make lab     install what is missing and open JupyterLab with the demos beside
# make test    install what is missing and run everything that CI runs
# make lock    try newer versions and write requirements.lock anew (maintainers)
# PYTHON=python3.12 chooses the Python that the environment is made with.
PYTHON ?= python3
VENV ?= .venv
PY = $(VENV)/bin/python
PIP = $(PY) -m pip install --disable-pip-version-check --constraint requirements.lock
# An editable install and its scripts know where the repository lies: after a move they are made anew.
PLACE := $(shell pwd | cksum | cut -d ' ' -f 1)

.PHONY: lab test lock

lab: $(VENV)/lab-$(PLACE)
	$(PY) -m mmatl_lab start

test: $(VENV)/dev-$(PLACE)
	bash scripts/test.sh $(PY)

lock:
	$(PYTHON) scripts/lock.py $(PINS)

$(VENV)/lab-$(PLACE): pyproject.toml requirements.lock | $(PY)
	$(PIP) --editable .
	@touch $@

$(VENV)/dev-$(PLACE): pyproject.toml requirements.lock | $(PY)
	$(PIP) --editable '.[dev]'
	@touch $@ $(VENV)/lab-$(PLACE)

$(PY):
	@command -v $(PYTHON) > /dev/null || { \
	  echo "mmatl_lab needs Python 3.11 or newer, and there is no $(PYTHON): install one, or name yours as in make PYTHON=python3.12 lab"; exit 1; }
	@$(PYTHON) scripts/make_venv.py $(VENV)
