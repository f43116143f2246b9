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
"""Options of QSGD and of signs with error feedback."""

import dataclasses

from tff_methods.common import argument_checks
from tff_methods.options import randomness
from tff_methods.options import update_bounds

# Norms of buckets: see `QsgdOptions`.
NORMS = ('max', 'euclidean')
# Magnitudes of decoded signs: see `EfSignOptions`.
SIGN_LEVELS = ('one', 'two')


@dataclasses.dataclass(frozen=True, kw_only=True)
class QsgdOptions(randomness.RandomnessOptions):
  """Options of QSGD. Alistarh et al. (2017).

  Attributes:
    bits: Bits per value, 2 to 16, including the sign.
    bucket_size: Values that have a norm in common.
    norm: Norm of a bucket. `'max'`: the largest magnitude, as in the paper's
      experiments. `'euclidean'`: as in its theory.
    min_elements: Tensors with fewer elements (biases) are sent uncompressed.

  Raises:
    TypeError: If an argument is of a wrong type.
    ValueError: If a value is out of range.
  """

  bits: int = 4
  bucket_size: int = 512
  norm: str = 'max'
  min_elements: int = 256

  def __post_init__(self) -> None:
    super().__post_init__()
    argument_checks.check_bits(
      self.bits, minimum=argument_checks.MIN_SIGNED_BITS
    )
    argument_checks.check_int('bucket_size', self.bucket_size, minimum=1)
    argument_checks.check_choice('norm', self.norm, NORMS)
    argument_checks.check_int('min_elements', self.min_elements, minimum=0)


@dataclasses.dataclass(frozen=True, kw_only=True)
class EfSignOptions:
  """Options of signs with error feedback.

  Attributes:
    levels: Magnitudes of decoded values. `'one'`: one for both signs, as in
      EF-SignSGD. `'two'`: one for each, as in 1-bit SGD.
    min_elements: Tensors with fewer elements (biases) are sent whole.
    bounds: Bounds of the norms of updates, applied before error feedback adds
      what a client kept; `None` for none.

  Raises:
    TypeError: If an argument is of a wrong type.
    ValueError: If a value is out of range.
  """

  levels: str = 'one'
  min_elements: int = 256
  bounds: update_bounds.UpdateBounds | None = None

  def __post_init__(self) -> None:
    argument_checks.unwrap_scalars(self)
    argument_checks.check_choice('levels', self.levels, SIGN_LEVELS)
    argument_checks.check_int('min_elements', self.min_elements, minimum=0)
    if self.bounds is not None:
      argument_checks.check_options(self.bounds, update_bounds.UpdateBounds)
