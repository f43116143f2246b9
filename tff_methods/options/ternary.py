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
"""Options of ternary updates. Wen et al. (2017)."""

import dataclasses

from tff_methods.common import argument_checks
from tff_methods.options import randomness


@dataclasses.dataclass(frozen=True, kw_only=True)
class TernGradOptions(randomness.RandomnessOptions):
  """Options of TernGrad.

  Attributes:
    clip_factor: Magnitudes are clipped at this many standard deviations of
      their tensor, 2.5 in the paper; `None` disables clipping.
    min_elements: Tensors with fewer elements (biases) are sent uncompressed.
    share_scale: If true, all clients of a round use the largest of their
      scales, the paper's scaler sharing. It needs two exchanges in a round, and
      does not run on several workers.

  Raises:
    TypeError: If `clip_factor` is not a number, `min_elements` or `base_seed`
      is not an int, or `share_scale` is not a bool.
    ValueError: If a value is out of range.
  """

  clip_factor: float | None = 2.5
  min_elements: int = 256
  share_scale: bool = False

  def __post_init__(self) -> None:
    super().__post_init__()
    if self.clip_factor is not None:
      argument_checks.check_positive_float32('clip_factor', self.clip_factor)
    argument_checks.check_int('min_elements', self.min_elements, minimum=0)
    argument_checks.check_bool('share_scale', self.share_scale)
