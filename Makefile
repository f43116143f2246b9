# Copyright 2026, The tff-methods Authors.
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

# Each target first makes the environment that it needs: .venv from
# requirements.txt and, for types and documentation, .venv-tools from
# requirements_tools.txt. That needs Python 3.11, and nothing else.

PYTHON := .venv/bin/python
TOOLS := .venv-tools/bin
PYTEST := $(PYTHON) -m pytest --numprocesses=logical --maxprocesses=8 \
  --dist=loadfile --no-loadscope-reorder
# Tests whose numbers depend on the kernels of the processor.
KERNEL_TESTS := $(addprefix tests/tff_methods/,\
  models update_spaces encoders/rotation_test.py encoders/sketching_test.py \
  aggregators/salted_mean_test.py templates/salted_process_test.py \
  runtime/in_process/library_rounds_test.py)
# `make bazel-test BAZEL=bazel` takes the Bazel on PATH.
BAZEL := tools/debian_bazel/bazel.sh
RUNS := programs/flagfiles/digits_fed_avg.flags,$\
  programs/flagfiles/digits_sketched_2bit.flags,$\
  programs/flagfiles/digits_sketched_2bit_12.5pct.flags

EXAMPLES := own_data rows_method aggregator sign_encoder \
  'new_method.train --task=digits --method=sign_update --rounds=10 \
  --output_dir=output/examples/sign_update' \
  'run_notebook examples/own_data.ipynb'

# TensorFlow logs errors without one when it is imported; failures still raise.
export TF_CPP_MIN_LOG_LEVEL ?= 3

.PHONY: train test slow-test kernel-test lint docs results results-docs \
  results-check examples bench gpu-check bazel-test bazel-test-all lock clean \
  env tools-env

# Trains with plain and with compressed uplink, and compares them in a table and
# in output/train/report.html.
train: env
	$(PYTHON) -m programs.compare --runs=$(RUNS) --output_dir=output/train

# All tests but the slow ones, of about ten seconds or more each.
test: env
	$(PYTEST) -m 'not slow'

slow-test: env
	$(PYTEST) -m slow

# Those that .ci/run repeats with other kernels; TF_ENABLE_ONEDNN_OPTS=0 is a
# processor with AVX2 only.
kernel-test: env
	$(PYTEST) $(KERNEL_TESTS)

# Format, style, language, annotations, types, and the BUILD files.
lint: env tools-env
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m ruff check .
	$(PYTHON) tools/check_docstrings.py
	$(PYTHON) tools/check_annotations.py
	$(TOOLS)/basedpyright
	$(PYTHON) tools/build_files.py

# Builds the site of docs/ and the API reference into output/site. A broken link
# or an unresolved reference fails (but not with --quiet, which drops warnings).
docs: tools-env
	NO_MKDOCS_2_WARNING=1 $(TOOLS)/python -m mkdocs build --strict

# Trains what the tables of a page lack, and adds it to results/:
# `make results PAGE=dhqc`, with DATA_DIR=... where a task needs data files.
results: env
	$(PYTHON) -m programs.results --action=run --page=$(PAGE) \
	  $(if $(DATA_DIR),--data_dir=$(DATA_DIR))

# Writes the tables and pictures of the documentation from results/.
results-docs: env
	$(PYTHON) -m programs.results --action=write

# Fails where a page differs from what results/ gives.
results-check: env
	$(PYTHON) -m programs.results --action=check

# Two at a time: each mostly imports and traces, on one core.
examples: env
	rm -rf output/examples output/notebook
	printf '%s\n' $(EXAMPLES) | xargs -P 2 -I ARGUMENTS sh -c \
	  '$(PYTHON) -m examples.ARGUMENTS'

bench: env
	$(PYTHON) -m programs.bench

# Compares a GPU with the CPU, if TensorFlow sees one (docs/guides/gpu.md).
gpu-check: env
	$(PYTHON) -m programs.gpu_check

# Builds everything, and runs the tests that are tagged "smoke".
bazel-test: env
	PATH="$(CURDIR)/.venv/bin:$$PATH" $(BAZEL) test --nobuild_tests_only \
	  --test_tag_filters=smoke //...

# All tests but the slow ones. Each target imports TensorFlow anew, so that this
# takes longer than `make test`, and is a part of .ci/full alone.
bazel-test-all: env
	PATH="$(CURDIR)/.venv/bin:$$PATH" $(BAZEL) test --keep_going \
	  --test_tag_filters=-slow //...

# Compiles each requirements*.in, the first with requirements.overrides, into
# the .txt of its name.
lock: env
	.venv/bin/uv pip compile --quiet --python-version=3.11 --generate-hashes \
	  --no-emit-index-url --no-emit-find-links \
	  --override=requirements.overrides --custom-compile-command='make lock' \
	  --output-file=requirements.txt requirements.in
	.venv/bin/uv pip compile --quiet --python-version=3.11 --generate-hashes \
	  --no-emit-index-url --no-emit-find-links --no-deps \
	  --custom-compile-command='make lock' \
	  --output-file=requirements_gpu.txt requirements_gpu.in
	.venv/bin/uv pip compile --quiet --python-version=3.11 --generate-hashes \
	  --no-emit-index-url --no-emit-find-links \
	  --custom-compile-command='make lock' \
	  --output-file=requirements_tools.txt requirements_tools.in

clean:
	rm -rf .venv .venv-tools .pytest_cache .ruff_cache build dist *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

env:
	@tools/make_env.sh .venv requirements.txt

tools-env:
	@tools/make_env.sh .venv-tools requirements_tools.txt
