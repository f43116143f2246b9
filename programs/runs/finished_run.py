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
"""Finished run, read from the small files that it leaves.

These are `configuration.json`, `summary.json` and `metrics.csv`, in a run
directory of `programs.train` or in a directory that keeps copies of them.
"""

from collections.abc import Mapping, Sequence
import dataclasses
import os
import re
import reprlib
from typing import Any

from programs.command_line import runner
from programs.runs import metrics_file
from programs.runs import run_files

_EVALUATION = 'evaluation/'
_BYTES = ('uplink_bytes', 'downlink_bytes')
_SEED_DIRECTORY = re.compile(r'seed_\d+')


@dataclasses.dataclass(frozen=True)
class Evaluation:
  """Evaluation of a run, with the bytes of all clients until then.

  Attributes:
    rounds: Number of completed rounds.
    uplink_bytes: Bytes sent by all clients of these rounds.
    downlink_bytes: Bytes received by all clients of these rounds.
    metrics: Metrics on test data, by name.
  """

  rounds: int
  uplink_bytes: int
  downlink_bytes: int
  metrics: Mapping[str, float]

  @property
  def total_bytes(self) -> int:
    """Bytes of both directions."""
    return self.uplink_bytes + self.downlink_bytes


@dataclasses.dataclass(frozen=True)
class FinishedRun:
  """A finished run.

  Attributes:
    name: Name of the configuration; that of the directory above `seed_N`.
    seed: Seed of all random choices.
    configuration: Flags that the results depend on, by name.
    environment: Versions, kernels and processor, by name.
    summary: Contents of `summary.json`.
    rows: Rows of `metrics.csv`, for each round from 0 on; empty cells are left
      out. Bytes are sums from the first round on.
    test_metrics: Metrics of the best weights on test data, of a run that is
      evaluated on validation data; `None` if they were not evaluated.
    train_metrics: Metrics of the last weights on the examples of training
      clients; `None` if they were not evaluated.
  """

  name: str
  seed: int
  configuration: Mapping[str, Any]
  environment: Mapping[str, str]
  summary: Mapping[str, Any]
  rows: Sequence[Mapping[str, float]]
  test_metrics: Mapping[str, float] | None = None
  train_metrics: Mapping[str, float] | None = None

  @property
  def task(self) -> str:
    """Name of the task."""
    return self.summary['task']

  @property
  def method(self) -> str:
    """Name of the method."""
    return self.summary['method']

  @property
  def evaluated_on(self) -> str:
    """Data of the evaluations, as `evaluated_on` describes them."""
    return evaluated_on(self.configuration)

  @property
  def last(self) -> Evaluation:
    """Evaluation after the last round."""
    return _of_results(self.summary)

  @property
  def best(self) -> Evaluation:
    """Best evaluation, by the metric that the run selects it by."""
    return _of_results(self.summary['best'])

  @property
  def test(self) -> Evaluation:
    """Best evaluation, with metrics on test data.

    Raises:
      UsageError: If the run was not evaluated on test data.
    """
    metrics = self._evaluated(
      self.test_metrics, 'test', 'give it --validation_fraction'
    )
    return dataclasses.replace(self.best, metrics=metrics)

  @property
  def train(self) -> Evaluation:
    """Last evaluation, with `train_` metrics on training data among its own.

    Raises:
      UsageError: If the run was not evaluated on training data.
    """
    metrics = self._evaluated(
      self.train_metrics, 'training', 'evaluate it by `make results`'
    )
    of_train = {f'train_{name}': value for name, value in metrics.items()}
    return dataclasses.replace(
      self.last, metrics={**self.last.metrics, **of_train}
    )

  def _evaluated(
    self, metrics: Mapping[str, float] | None, data: str, remedy: str
  ) -> Mapping[str, float]:
    """Returns metrics of an evaluation after training, which must be known."""
    if metrics is None:
      raise runner.UsageError(
        f'Expected an evaluation of the run {self.name!r} on {data} data, '
        f'found none; {remedy}.'
      )
    return metrics

  @property
  def client_seconds(self) -> float | None:
    """Measured time of a client in a round, in seconds, if there is one."""
    return self.summary.get(run_files.CLIENT_SECONDS)

  @property
  def evaluations(self) -> list[Evaluation]:
    """All evaluations, in the order of rounds."""
    evaluations = []
    for row in self.rows:
      metrics = {
        name.removeprefix(_EVALUATION): value
        for name, value in row.items()
        if name.startswith(_EVALUATION)
      }
      if metrics:
        evaluations.append(
          Evaluation(
            int(row[metrics_file.KEY]),
            int(row['uplink_bytes']),
            int(row['downlink_bytes']),
            metrics,
          )
        )
    return evaluations


def evaluated_on(configuration: Mapping[str, Any]) -> str:
  """Describes the data that a run is evaluated on.

  Args:
    configuration: Flags that the results depend on, by name.
  """
  fraction = configuration.get('validation_fraction')
  if fraction is None:
    return 'test data'
  return f'validation data, {fraction} of the training examples'


def name_of(path: str) -> str:
  """Returns the name of the run in a directory.

  Args:
    path: The directory. Its name is that of the run, or the name of the
      directory above if this one is named `seed_N`.
  """
  above, name = os.path.split(os.path.abspath(path))
  return os.path.basename(above) if _SEED_DIRECTORY.fullmatch(name) else name


def read(path: str) -> FinishedRun:
  """Reads a run.

  Args:
    path: Directory with the three files; see `name_of`.

  Raises:
    UsageError: If a file is missing or damaged, or the run is not finished.
  """
  contents = run_files.read_json(os.path.join(path, run_files.CONFIGURATION))
  if contents is None:
    raise runner.UsageError(
      f'Expected a run of programs.train in {path}, found no '
      f'{run_files.CONFIGURATION}; check the path.'
    )
  configuration = _entry(path, contents, 'configuration')
  summary = run_files.read_summary(path)
  if summary is None:
    raise runner.UsageError(
      f'Expected a finished run in {path}, found no {run_files.SUMMARY}; train '
      'it to its end.'
    )
  return FinishedRun(
    name=name_of(path),
    seed=_seed(path, configuration),
    configuration=configuration,
    environment=_entry(path, contents, 'environment'),
    summary=summary,
    rows=_read_rows(path, summary['rounds']),
    test_metrics=_read_metrics(path, run_files.TEST_EVALUATION),
    train_metrics=_read_metrics(path, run_files.TRAIN_EVALUATION),
  )


def _of_results(results: Mapping[str, Any]) -> Evaluation:
  return Evaluation(
    results['rounds'],
    results['uplink_bytes'],
    results['downlink_bytes'],
    results['metrics'],
  )


def _read_metrics(path: str, name: str) -> dict[str, float] | None:
  """Returns the metrics in a file of `programs.evaluate`, `None` without it."""
  file = os.path.join(path, name)
  contents = run_files.read_json(file)
  if contents is None:
    return None
  metrics = contents.get('metrics')
  if not isinstance(metrics, dict) or not all(
    isinstance(value, float) for value in metrics.values()
  ):
    raise run_files.damaged(file, f'{reprlib.repr(metrics)} as metrics')
  return metrics


def _entry(path: str, contents: Mapping[str, Any], name: str) -> dict[str, Any]:
  value = contents.get(name)
  if not isinstance(value, dict):
    raise run_files.damaged(
      os.path.join(path, run_files.CONFIGURATION), f'{value!r} as {name}'
    )
  return value


def _seed(path: str, configuration: Mapping[str, Any]) -> int:
  seed = configuration.get('seed')
  if not run_files.is_count(seed):
    raise run_files.damaged(
      os.path.join(path, run_files.CONFIGURATION),
      f'{reprlib.repr(seed)} as seed',
    )
  return seed


def _read_rows(path: str, rounds: int) -> list[dict[str, float]]:
  metrics_path = os.path.join(path, run_files.METRICS)
  rows = [
    {name: float(value) for name, value in row.items() if value}
    for row in metrics_file.read(metrics_path)
  ]
  if len(rows) != rounds + 1:
    raise run_files.damaged(
      metrics_path, f'{len(rows)} rows instead of {rounds + 1}'
    )
  if any(name not in row for row in rows for name in _BYTES):
    raise run_files.damaged(
      metrics_path, f'no column of {" and ".join(_BYTES)}'
    )
  for i, row in enumerate(rows):
    _check_counts(metrics_path, i, row)
  return rows


def _check_counts(path: str, round_num: int, row: Mapping[str, float]) -> None:
  """Raises `UsageError` for bytes or numbers of clients that cannot be."""
  for name in (*_BYTES, 'num_clients'):
    value = row.get(name, 0.0)
    if not (value.is_integer() and run_files.is_count(int(value))):
      raise run_files.damaged(path, f'{value} as {name} of round {round_num}')
