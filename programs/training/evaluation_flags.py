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
"""Flags of the data that models are evaluated on; no TensorFlow."""

from absl import flags

VALIDATION_FRACTION = flags.DEFINE_float(
  'validation_fraction',
  None,
  'Evaluate on this fraction of the examples of each training client, which '
  'then does not train on them, instead of test data: to choose settings.',
)
flags.register_validator(
  VALIDATION_FRACTION.name,
  lambda value: value is None or 0 < value < 1,
  'Expected a number between 0 and 1, excluding both.',
)


def flags_in_use() -> list[flags.FlagHolder]:
  """Returns the flags that results depend on."""
  return [] if VALIDATION_FRACTION.value is None else [VALIDATION_FRACTION]
