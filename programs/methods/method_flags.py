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
"""The flag `--method`, and the flags of each method; no TensorFlow."""

from typing import NamedTuple

from absl import flags

from programs.command_line import runner
from programs.methods import aggregation_flags
from programs.methods import base
from programs.methods import compression_flags
from programs.methods import label_flags
from programs.methods import privacy_flags
from programs.methods import quantizer_flags
from programs.methods import row_flags
from programs.methods import update_flags
from programs.training import learning_rates
from programs.training import optimizer_flags
from tff_methods import options as options_lib

METHOD_FLAGS = {
  **update_flags.METHOD_FLAGS,
  **quantizer_flags.METHOD_FLAGS,
  **row_flags.METHOD_FLAGS,
  **label_flags.METHOD_FLAGS,
}
METHOD = flags.DEFINE_enum(
  'method', None, list(METHOD_FLAGS), 'Method of training.'
)
# TFF's local training of functional models has no learning rate in its state.
WITHOUT_CLIENT_SCHEDULE = (
  'fed_ss',
  'lsh_select',
  'fed_mlh',
  'fed_avg_ensemble',
)
# For `--help`: flags of each method, and defaults of its own.
SECTIONS: dict[str, tuple[flags.FlagHolder, ...]] = {'Method': (METHOD,)} | {
  f'Method {name}': method.holders
  for name, method in METHOD_FLAGS.items()
  if method.holders
}
DEFAULTS = {
  f'Method {name}': method.defaults for name, method in METHOD_FLAGS.items()
}
for _module in (
  aggregation_flags,
  base,
  label_flags,
  privacy_flags,
  row_flags,
  compression_flags,
  quantizer_flags,
  update_flags,
):
  flags.adopt_module_key_flags(_module)


class Choice(NamedTuple):
  """Method of the flags.

  Attributes:
    name: Name of the method.
    options: Options that `registry.METHODS[name].build` takes.
    downlink: Quantization of the model that clients receive; `None` for none.
  """

  name: str
  options: object
  downlink: options_lib.DownlinkOptions | None


def register(name: str, method: base.MethodFlags) -> None:
  """Adds a method of another package to `--method`.

  To be called before flags are parsed and before a program is imported. Its
  builder is an entry of `registry.METHODS`.

  Args:
    name: Name of the method.
    method: Its flags.

  Raises:
    ValueError: If there is a method of this name.
  """
  if name in METHOD_FLAGS:
    raise ValueError(
      f'Expected the name of a new method, found {name!r}: choose another.'
    )
  METHOD_FLAGS[name] = method
  flags.FLAGS[METHOD.name].parser.enum_values.append(name)
  SECTIONS[f'Method {name}'] = method.holders
  DEFAULTS[f'Method {name}'] = method.defaults


def choice(seed: int) -> Choice:
  """Returns the method of the flags, which are checked with the optimizers'.

  Args:
    seed: Seed of all random choices.

  Raises:
    UsageError: If flags do not fit the method, or each other.
  """
  name = METHOD.value
  found = Choice(name, make_options(name, seed), downlink_options(seed))
  optimizer_flags.check_flags()
  check_client_weighting(found.options)
  check_schedule(name)
  return found


def make_options(name: str, seed: int) -> object:
  """Makes the options of a method from its flags.

  Args:
    name: Name of the method.
    seed: Seed of all random choices.

  Returns:
    The options that `registry.METHODS[name].build` takes.

  Raises:
    UsageError: If a flag is given that the method does not take, or flags do
      not fit together.
  """
  taken = {flag.name for flag in METHOD_FLAGS[name].holders}
  for other in METHOD_FLAGS.values():
    for flag in other.holders:
      if flag.present and flag.name not in taken:
        raise runner.UsageError(
          f'Expected no --{flag.name} with --method={name}, found '
          f'--{flag.name}={flag.value}; leave it out or give --method='
          f'{_methods_with(flag)}.'
        )
  try:
    return METHOD_FLAGS[name].make_options(seed)
  except (TypeError, ValueError) as e:
    raise runner.UsageError(str(e)) from e


def _methods_with(flag: flags.FlagHolder) -> str:
  """Returns the names of the methods that take a flag, as alternatives."""
  names = [
    name
    for name, method in METHOD_FLAGS.items()
    if flag.name in {other.name for other in method.holders}
  ]
  *others, last = names
  return f'{", ".join(others)} or {last}' if others else last


def check_client_weighting(options: object) -> None:
  """Raises `UsageError` for a weighted mean where the mean has no weights.

  Args:
    options: Options of the method, from `make_options`.
  """
  flag = optimizer_flags.CLIENT_WEIGHTING
  has_noise = getattr(options, 'noise', None) is not None
  is_unweighted = has_noise or isinstance(
    options, aggregation_flags.UNWEIGHTED_OPTIONS
  )
  if flag.value == 'examples' and is_unweighted:
    raise runner.UsageError(
      f'Expected --{flag.name}=uniform with noise, secure sums or '
      '--tff_aggregator, whose mean has no weights, found examples; leave it '
      'out.'
    )


def check_schedule(name: str) -> None:
  """Raises `UsageError` for a schedule that a method cannot follow.

  Args:
    name: Name of the method.
  """
  flag = learning_rates.CLIENT_SCHEDULE
  if flag.value is not None and name in WITHOUT_CLIENT_SCHEDULE:
    raise runner.UsageError(
      f'Expected no --{flag.name} with --method={name}, whose clients train a '
      f'functional model of TFF at a constant rate, found {flag.value}; leave '
      'it out, or give --server_learning_rate_schedule.'
    )


def downlink_options(seed: int) -> options_lib.DownlinkOptions | None:
  """Returns the quantization of the model that clients receive.

  Args:
    seed: Seed of all random choices.

  Returns:
    The options; `None` if weights are sent as they are.

  Raises:
    UsageError: If differences are to be sent as they are.
  """
  bits = base.DOWNLINK_BITS.value
  if bits == 'none':
    if base.DOWNLINK_DELTAS.value:
      raise runner.UsageError(
        'Expected --downlink_bits with --downlink_deltas, found none; give '
        'the bits of a difference.'
      )
    return None
  if base.DOWNLINK_DELTAS.value:
    return options_lib.DeltaDownlinkOptions(bits=int(bits), base_seed=seed)
  return options_lib.DownlinkOptions(bits=int(bits), base_seed=seed)
