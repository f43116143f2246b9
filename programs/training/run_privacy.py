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
"""Privacy of a run: secret cohorts, the record of its rounds, its guarantee."""

import collections
from collections.abc import Callable

from programs.command_line import common_flags
from programs.command_line import task_flags
from programs.methods import privacy_flags
from programs.runs import run_directory
from programs.runs import run_files
from programs.training import early_stopping
from programs.training import evaluation_flags
from programs.training import initial_weights
from programs.training import privacy_ledger
from programs.training import privacy_report
from tasks import disclosures
from tasks import references

_OF_A_USERS_TASK = (
  "the task's test data, classes and vocabulary come from others than its "
  'clients'
)


class RunPrivacy:
  """Privacy of a run; without noise there is none to keep."""

  def __init__(
    self,
    options: object,
    cohort_size: Callable[[int], int],
    *,
    num_clients: int,
    num_weights: int,
  ):
    """Initializes the privacy; reads flags.

    Args:
      options: Options of the method.
      cohort_size: Function from the number of a round to its number of clients.
      num_clients: Number of clients from which rounds sample.
      num_weights: Number of values of an update.
    """
    self._noise = privacy_report.noise_of(options)
    self._cohort_size = cohort_size
    self._num_clients = num_clients
    self._num_weights = num_weights

  @property
  def has_noise(self) -> bool:
    """True if there is noise."""
    return self._noise is not None

  @property
  def is_repeatable(self) -> bool:
    """False if there is noise that must not follow from a seed."""
    return self._noise is None or privacy_report.is_repeatable(self._noise)

  def cohort_seed(self, seed: int) -> int | None:
    """Returns the seed of cohorts, `None` for a secret of this process.

    The guarantee rests on cohorts that nobody knows, and --seed is no secret.

    Args:
      seed: `--seed`.
    """
    return seed if self.is_repeatable else None

  def open_ledger(
    self, directory: run_directory.RunDirectory
  ) -> privacy_ledger.PrivacyLedger | None:
    """Returns the record of the rounds of a run, `None` if it needs none.

    Args:
      directory: Directory of the run.

    Raises:
      UsageError: If the record is damaged.
    """
    if self.is_repeatable:
      return None
    return privacy_ledger.PrivacyLedger(
      directory.file(run_files.PRIVACY_LEDGER),
      self._cohort_sizes(1, directory.saved_rounds()),
    )

  def describe(
    self,
    num_rounds: int,
    planned_rounds: int,
    ledger: privacy_ledger.PrivacyLedger | None = None,
  ) -> dict[str, object]:
    """Returns the entry `privacy` of `summary.json`, if there is noise.

    With early stopping, the number of rounds depends on the models, and the
    guarantee is that of all rounds that were planned.

    Args:
      num_rounds: Number of completed rounds.
      planned_rounds: `--rounds`.
      ledger: Record of the rounds.

    Raises:
      ValueError: If there is no guarantee for such cohorts.
    """
    if self._noise is None:
      return {}
    planned = num_rounds
    if early_stopping.PATIENCE.value is not None:
      planned = max(num_rounds, planned_rounds)
    if ledger is None:
      cohort_sizes = self._cohort_sizes(1, planned)
    else:
      cohort_sizes = [
        *collections.Counter(ledger.num_rounds).elements(),
        *self._cohort_sizes(num_rounds + 1, planned),
      ]
    is_of_a_user = references.is_reference(task_flags.TASK.value)
    description = privacy_report.describe(
      self._noise,
      cohort_sizes,
      self._num_clients,
      privacy_flags.DELTA.value,
      num_weights=self._num_weights,
      gap=_gap(),
      assumed=_OF_A_USERS_TASK if is_of_a_user else None,
    )
    return {'privacy': description}

  def _cohort_sizes(self, first: int, last: int) -> list[int]:
    return [self._cohort_size(i) for i in range(first, last + 1)]


def _gap() -> str | None:
  """Returns why noise does not cover the results, if it does not."""
  if initial_weights.INITIAL_WEIGHTS.value is not None:
    return 'it started from weights whose own ε is not known'
  if evaluation_flags.VALIDATION_FRACTION.value is not None:
    return 'evaluations read validation data of the clients, without noise'
  return disclosures.find(
    task_flags.TASK.value, common_flags.DATA_DIR.value, task_flags.options()
  )
