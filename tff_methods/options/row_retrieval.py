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
"""Options of methods whose clients train a part of the output layer's rows."""

from collections.abc import Mapping
import dataclasses

from tff_methods.common import argument_checks
from tff_methods.options import randomness

# FedSS and the baselines of its paper: see `FedSsOptions`.
FED_SS_VARIANTS = ('fed_ss', 'neg_only', 'pos_only', 'fed_aws', 'full_softmax')
# Ways to send rows: see `templates.build_row_retrieval`.
RETRIEVAL_MODES = ('select', 'broadcast')
# Reductions of inner product search to angular search.
TRANSFORMS = ('none', 'extra_coordinate', 'sign_alsh')

_SPREADOUT_RATE = 0.01
_SPREADOUT_MARGIN = 1.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class FedSsOptions(randomness.RandomnessOptions):
  """Options of federated sampled softmax. Waghmare et al. (2022).

  Variants, by the classes in the softmax of an example:

  *   `'fed_ss'`: the client's classes and sampled negatives (equation 6).
  *   `'neg_only'`: the example's own class and sampled negatives (equation 7).
      Without room for negatives, the loss is 0.
  *   `'pos_only'`: the client's classes only (equation 8).
  *   `'fed_aws'`: the client's classes only; the server pushes all rows apart
      (Yu et al. 2020).
  *   `'full_softmax'`: all classes (equation 2): federated averaging of the
      full model.

  Attributes:
    num_sampled_classes: Number of rows that each client receives and sends, the
      paper's |S|: those of its own classes and of negatives (padding with
      `'pos_only'` and `'fed_aws'`). A client with more classes trains a random
      subset of them, drawn again in each round. Required, except for
      `'full_softmax'`, which does not take it.
    num_input_rows: Number of rows of each input table that each client receives
      and sends: one number for all tables, of which smaller tables send all
      their rows, or a mapping by their names. Padding fills up; a client with
      more ids in its data trains a random subset of them, drawn again in each
      round. Required for models with input tables, except for
      `'full_softmax'`.
    variant: One of `FED_SS_VARIANTS`.
    retrieval_mode: `'select'` or `'broadcast'`, with equal results and bytes:
      see `templates.build_row_retrieval`. Unused with `'full_softmax'`.
    lazy_rows: If true, the server optimizer steps only the rows whose mean
      update is not zero; the others keep their weights and moments, but with
      `'fed_aws'` the spreadout still moves all rows. If false, momentum and
      Adam move rows on that no client sent.
    spreadout_rate: Step size of the server's spreadout, for `'fed_aws'` only;
      0.01 if not given.
    spreadout_margin: Distance between the directions of two rows beyond which
      they do not repel each other, in (0, 2], for `'fed_aws'` only; 1 if not
      given.

  Raises:
    TypeError: If an argument is of a wrong type.
    ValueError: If a value is out of range, or given for a variant that does not
      take it.
  """

  num_sampled_classes: int | None = None
  num_input_rows: int | Mapping[str, int] | None = None
  variant: str = 'fed_ss'
  retrieval_mode: str = 'select'
  lazy_rows: bool = False
  spreadout_rate: float | None = None
  spreadout_margin: float | None = None

  def __post_init__(self) -> None:
    super().__post_init__()
    argument_checks.check_choice('variant', self.variant, FED_SS_VARIANTS)
    argument_checks.check_choice(
      'retrieval_mode', self.retrieval_mode, RETRIEVAL_MODES
    )
    argument_checks.check_bool('lazy_rows', self.lazy_rows)
    if self.lazy_rows and self.variant == 'full_softmax':
      raise ValueError(
        f'Expected no lazy_rows with variant={self.variant!r}, found True: '
        'leave it out, since clients send all rows.'
      )
    is_given = self.num_sampled_classes is not None
    if is_given == (self.variant == 'full_softmax'):
      raise ValueError(
        f'Expected {"no" if is_given else "a"} num_sampled_classes with '
        f'variant={self.variant!r}, found {self.num_sampled_classes}: '
        + (
          'leave it out, since all classes are on each client.'
          if is_given
          else 'give the number of rows that a client receives.'
        )
      )
    if is_given:
      argument_checks.check_int(
        'num_sampled_classes', self.num_sampled_classes, minimum=1
      )
    self._check_num_input_rows()
    for name in ('spreadout_rate', 'spreadout_margin'):
      if (value := getattr(self, name)) is None:
        continue
      if self.variant != 'fed_aws':
        raise ValueError(
          f'Expected no {name} with variant={self.variant!r}, found {value}: '
          'leave it out.'
        )
      argument_checks.check_number(name, value)

  def _check_num_input_rows(self) -> None:
    found = self.num_input_rows
    if found is None:
      return
    if self.variant == 'full_softmax':
      raise ValueError(
        f'Expected no num_input_rows with variant={self.variant!r}, found '
        f'{found}: leave it out, since all rows are on each client.'
      )
    of_tables = dict(found) if isinstance(found, Mapping) else {'': found}
    if not of_tables:
      raise ValueError(
        'Expected num_input_rows of at least one table, found {}: name the '
        'tables, or leave it out.'
      )
    for name, value in of_tables.items():
      argument_checks.check_int(
        f'num_input_rows{f" of {name!r}" if name else ""}', value, minimum=1
      )

  def num_rows_of_tables(self, sizes: Mapping[str, int]) -> dict[str, int]:
    """Returns the number of a client's rows of each input table, by name.

    Args:
      sizes: Number of all rows of each input table, by name.

    Raises:
      ValueError: If `num_input_rows` is missing, is for a model without input
        tables, or is above the rows of each table.
    """
    found = self.num_input_rows
    if (found is None) != (not sizes):
      raise ValueError(
        f'Expected {"a" if sizes else "no"} num_input_rows for a model with '
        f'{len(sizes)} input tables, found {found}: '
        + (
          'give the rows that a client receives, such as '
          'retrieval.largest_number_of_rows counts.'
          if sizes
          else 'leave it out.'
        )
      )
    if isinstance(found, Mapping):
      return dict(found)
    if found is None:
      return {}
    largest = max(sizes.values())
    if found > largest:
      raise ValueError(
        f'Expected num_input_rows of at most {largest}, the rows of the '
        f'largest input table, found {found}: lower it.'
      )
    return {name: min(found, size) for name, size in sizes.items()}

  @property
  def spreadout(self) -> dict[str, float]:
    """Arguments of `templates.build_spreadout_finalizer`."""
    rate, margin = self.spreadout_rate, self.spreadout_margin
    return dict(
      rate=_SPREADOUT_RATE if rate is None else rate,
      margin=_SPREADOUT_MARGIN if margin is None else margin,
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class LshSelectOptions(randomness.RandomnessOptions):
  """Options of neuron retrieval by an index. Xu et al. (2022).

  Budgets are fractions of all rows, in (0, 1].

  Attributes:
    row_budget: Rows that a client trains: those of its own classes (and of its
      input, if rows embed the input), those with the highest scores in the
      index, and random rows to fill the budget. A client with more rows of its
      own trains a random subset of them, drawn again in each round.
    own_budget: Part of `row_budget` that a client receives before it searches
      the index: the rows of its data, and random rows to fill the budget. Half
      of `row_budget` if not given. Only for models whose rows embed the input.
    retrieved_budget: Rows that a client receives in total; `row_budget` if not
      given. If larger, the rows of largest activation (inner product with any
      embedding of the client) are trained.
    corrects_loss: If true, random rows are weighted to represent all rows that
      the client does not receive, as in FedSS. If false, the loss is the
      softmax over the client's rows, as in the paper.
    rounds_per_build: Number of rounds between two builds of the index.
    retrieval_mode: `'select'` or `'broadcast'`, with equal results and bytes:
      see `templates.build_row_retrieval`.
    lazy_rows: If true, the server optimizer steps only the rows whose mean
      update is not zero; the others keep their weights and moments. If false,
      momentum and Adam move rows on that no client sent.

  Raises:
    TypeError: If an argument is of a wrong type.
    ValueError: If a value is out of range, or budgets contradict each other.
  """

  row_budget: float = 0.3
  own_budget: float | None = None
  retrieved_budget: float | None = None
  corrects_loss: bool = False
  rounds_per_build: int = 1
  retrieval_mode: str = 'select'
  lazy_rows: bool = False

  def __post_init__(self) -> None:
    super().__post_init__()
    argument_checks.check_bool('lazy_rows', self.lazy_rows)
    for name in ('row_budget', 'own_budget', 'retrieved_budget'):
      value = getattr(self, name)
      if value is None:
        continue
      if not 0 < argument_checks.check_number(name, value) <= 1:
        raise ValueError(
          f'Expected {name} above 0 and at most 1, a fraction of all rows, '
          f'found {value}.'
        )
    if self.own_budget is not None and self.own_budget > self.row_budget:
      raise ValueError(
        f'Expected own_budget of at most row_budget, {self.row_budget}, found '
        f'{self.own_budget}.'
      )
    if (
      self.retrieved_budget is not None
      and self.retrieved_budget < self.row_budget
    ):
      raise ValueError(
        f'Expected retrieved_budget of at least row_budget, {self.row_budget}, '
        f'found {self.retrieved_budget}.'
      )
    argument_checks.check_bool('corrects_loss', self.corrects_loss)
    argument_checks.check_int(
      'rounds_per_build', self.rounds_per_build, minimum=1
    )
    argument_checks.check_choice(
      'retrieval_mode', self.retrieval_mode, RETRIEVAL_MODES
    )
