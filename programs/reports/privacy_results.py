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
"""Guarantees of privacy, as runs and comparisons show them."""

from collections.abc import Mapping, Sequence
from typing import Any

from programs.runs import finished_run

_Groups = Mapping[str, Sequence[finished_run.FinishedRun]]

EPSILON = 'ε'
TITLES = (
  'run',
  'seed',
  EPSILON,
  'δ',
  'neighbours',
  'assumed, or why there is none',
)
# Largest δ that is usual; a guarantee fails with this probability.
_MAX_DELTA = 1e-3


def sentences(privacy: Mapping[str, Any]) -> list[str]:
  """Describes the guarantee of a run.

  Args:
    privacy: Entry `privacy` of its `summary.json`.
  """
  if privacy['epsilon'] is None:
    return [f'Privacy: none, {privacy["reason"]}.']
  guarantee = (
    f'Privacy: ε = {privacy["epsilon"]:.2f}, δ = {privacy["delta"]:.1e} for '
    f'the final model; neighbours: {privacy["neighbours"]}; assumed: '
    f'{privacy["assumption"]}.'
  )
  return [guarantee, *_delta_notes([privacy])]


def has_privacy(groups: _Groups) -> bool:
  """Returns true if a run reports a guarantee, or why there is none.

  Args:
    groups: The compared runs.
  """
  return any('privacy' in r.summary for runs in groups.values() for r in runs)


def epsilon_text(runs: Sequence[finished_run.FinishedRun]) -> str:
  """Returns the largest ε of a configuration, "none" if a run has none.

  Args:
    runs: Runs of the configuration, one for each seed.
  """
  epsilons = [run.summary.get('privacy', {}).get('epsilon') for run in runs]
  if any(epsilon is None for epsilon in epsilons):
    return 'none'
  return f'{max(epsilons):.2f}'


def rows(groups: _Groups) -> list[list[str]]:
  """Returns the cells of a row for each run that reports on its privacy.

  Args:
    groups: The compared runs.
  """
  return [
    [name, str(run.seed), *_cells(run.summary['privacy'])]
    for name, runs in groups.items()
    for run in runs
    if 'privacy' in run.summary
  ]


def notes(groups: _Groups) -> list[str]:
  """Returns remarks on the limits of the guarantees, as sentences.

  Args:
    groups: The compared runs.
  """
  guaranteed = [
    run.summary['privacy']
    for runs in groups.values()
    for run in runs
    if run.summary.get('privacy', {}).get('epsilon') is not None
  ]
  found = []
  if len(guaranteed) > 1:
    found.append(
      f'Each ε is of one run. Where the {len(guaranteed)} runs have the same '
      'clients, who sees all their models learns from all of them: the '
      'guarantees add up, and a choice among them is such a look.'
    )
  return found + _delta_notes(guaranteed)


def _cells(privacy: Mapping[str, Any]) -> list[str]:
  if privacy['epsilon'] is None:
    return ['none', '', '', privacy['reason']]
  return [
    f'{privacy["epsilon"]:.2f}',
    f'{privacy["delta"]:.1e}',
    privacy['neighbours'],
    privacy['assumption'],
  ]


def _delta_notes(guarantees: Sequence[Mapping[str, Any]]) -> list[str]:
  delta = max((privacy['delta'] for privacy in guarantees), default=0.0)
  if delta <= _MAX_DELTA:
    return []
  return [
    f'With δ = {delta:.1e}, the guarantee may fail with that probability, for '
    'each client: it protects nobody of a small population. Take more clients, '
    'or a smaller --dp_delta.'
  ]
