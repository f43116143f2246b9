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
"""Files of finished runs, for tests of their readers."""

import json
import pathlib

# Metrics, uplink and downlink bytes of evaluations after rounds 0, 2 and 4.
_ROUNDS = (0, 2, 4)


def write(
  path: pathlib.Path,
  *,
  accuracies=(0.1, 0.8, 0.6),
  uplink_bytes=40_000_000,
  downlink_bytes=40_000_000,
  seed=0,
  task='digits',
  method='fed_avg',
  num_clients=2,
  other_metrics=(),
  metric='accuracy',
) -> pathlib.Path:
  """Writes the files of a run of four rounds, of equal bytes.

  Args:
    path: Directory, which is made.
    accuracies: Values of `metric` after rounds 0, 2 and 4.
    uplink_bytes: Bytes sent by all clients in all rounds.
    downlink_bytes: Bytes received by all clients in all rounds.
    seed: Seed of the run.
    task: Name of the task.
    method: Name of the method.
    num_clients: Number of clients of each round.
    other_metrics: Names of metrics that are as large as `metric`.
    metric: Name of the metric that selects the best evaluation, the largest.

  Returns:
    `path`.
  """
  names = (metric, *other_metrics)

  def results(i):
    metrics = dict.fromkeys(names, accuracies[i])
    return {
      'rounds': _ROUNDS[i],
      'metrics': metrics | {'loss': 1 - accuracies[i], 'num_examples': 299.0},
      'uplink_bytes': uplink_bytes * _ROUNDS[i] // 4,
      'downlink_bytes': downlink_bytes * _ROUNDS[i] // 4,
    }

  configuration = {'task': task, 'method': method, 'seed': seed, 'bits': None}
  best = max(range(len(_ROUNDS)), key=lambda i: accuracies[i])
  summary = {
    'task': task,
    'method': method,
    **results(2),
    'seconds': 12.5,
    'rounds_without_update': 0,
    'stopped_early': False,
    'best_metric': metric,
    'best': results(best),
    'model_bytes': 600_000,
    'configuration': configuration,
  }
  path.mkdir(parents=True)
  _write_json(path / 'summary.json', summary)
  contents = {
    'program': 'tff-methods programs/train',
    'configuration': configuration,
    'data_sha256': 'e3b0',
    'environment': {'python': '3.11.2', 'processor': 'A fast one'},
  }
  _write_json(path / 'configuration.json', contents)
  metrics = list(results(0)['metrics'])
  lines = [
    'round,uplink_bytes,downlink_bytes,num_clients,'
    + ','.join(f'evaluation/{name}' for name in metrics)
  ]
  for r in range(5):
    clients = num_clients if r else ''
    cells = [r, uplink_bytes * r // 4, downlink_bytes * r // 4, clients]
    if r in _ROUNDS:
      values = results(_ROUNDS.index(r))['metrics']
      cells += [values[name] for name in metrics]
    else:
      cells += [''] * len(metrics)
    lines.append(','.join(map(str, cells)))
  (path / 'metrics.csv').write_text('\n'.join(lines) + '\n')
  return path


def change_configuration(path: pathlib.Path, **entries) -> None:
  """Replaces flags in `configuration.json`."""
  contents = json.loads((path / 'configuration.json').read_text())
  contents['configuration'] |= entries
  _write_json(path / 'configuration.json', contents)


def change_summary(path: pathlib.Path, **entries) -> None:
  """Replaces entries of `summary.json`; `None` removes one."""
  contents = json.loads((path / 'summary.json').read_text()) | entries
  _write_json(
    path / 'summary.json', {k: v for k, v in contents.items() if v is not None}
  )


def _write_json(path: pathlib.Path, contents: object) -> None:
  path.write_text(json.dumps(contents))
