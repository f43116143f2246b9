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
"""Small repositories with results, for the tests of pages."""

import json
import pathlib

_FLAGS = '# A comment.\n--task=digits\n--bits=2\n--rounds=2\n--rate=0.10\n'
_CONFIGURATION = {'task': 'digits', 'bits': '2', 'rate': 0.1}


def write_page(root: pathlib.Path, description: str, page: str) -> None:
  """Writes docs/page.md, results/page/tables.toml and flag files.

  Args:
    root: Root of the repository.
    description: Contents of tables.toml but for the path of the page.
    page: Contents of the page.
  """
  for directory in ('docs', 'results/page', 'programs/flagfiles'):
    (root / directory).mkdir(parents=True, exist_ok=True)
  (root / 'docs/page.md').write_text(page)
  (root / 'results/page/tables.toml').write_text(
    f"page = 'docs/page.md'\n{description}"
  )
  for name in ('plain', 'small'):
    (root / f'programs/flagfiles/{name}.flags').write_text(_FLAGS)


def write_evaluation(
  directory: pathlib.Path, data: str, accuracy: float
) -> None:
  """Writes an evaluation of a run, as `programs.evaluate` does.

  Args:
    directory: The directory of the run.
    data: Data of the evaluation, `test` or `train`.
    accuracy: Accuracy on it.
  """
  (directory / f'{data}_evaluation.json').write_text(
    json.dumps({'run': 'some', 'metrics': {'accuracy': accuracy, 'loss': 0.3}})
  )


def write_run(
  directory: pathlib.Path,
  accuracy: float,
  uplink_bytes: int,
  downlink_bytes: int = 8_000_000,
  **configuration: object,
) -> None:
  """Writes the files of a run of two rounds to PAGE/NAME/seed_N.

  Args:
    directory: The directory.
    accuracy: Accuracy after the last round; the best is 0.01 above it.
    uplink_bytes: Bytes sent by all clients.
    downlink_bytes: Bytes received by all clients.
    **configuration: Flags that differ from those of the flag files.
  """
  directory.mkdir(parents=True, exist_ok=True)
  seed = int(directory.name.removeprefix('seed_'))
  configuration = {**_CONFIGURATION, 'seed': seed, **configuration}
  results = {
    'rounds': 2,
    'metrics': {'accuracy': accuracy, 'loss': 0.5},
    'uplink_bytes': uplink_bytes,
    'downlink_bytes': downlink_bytes,
  }
  best = {
    'rounds': 1,
    'metrics': {'accuracy': accuracy + 0.01, 'loss': 0.4},
    'uplink_bytes': uplink_bytes // 2,
    'downlink_bytes': downlink_bytes // 2,
  }
  summary = {
    'task': 'digits',
    'method': 'fed_avg',
    **results,
    'seconds': 10.0 + seed,
    'rounds_without_update': 0,
    'stopped_early': False,
    'best_metric': 'accuracy',
    'best': best,
    'model_bytes': 1_000_000,
    'configuration': configuration,
  }
  contents = {
    'configuration': configuration,
    'environment': {'processor': 'Abacus', 'tensorflow': '2.14.1'},
  }
  rows = [
    'round,downlink_bytes,evaluation/accuracy,evaluation/loss,uplink_bytes,'
    'num_clients',
    '0,0,0.1,2.3,0,',
    f'1,{downlink_bytes // 2},{accuracy + 0.01},0.4,{uplink_bytes // 2},1',
    f'2,{downlink_bytes},{accuracy},0.5,{uplink_bytes},1',
  ]
  (directory / 'configuration.json').write_text(json.dumps(contents))
  (directory / 'summary.json').write_text(json.dumps(summary))
  (directory / 'metrics.csv').write_text('\n'.join(rows) + '\n')
