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
"""Learning processes: one `build_*` function for each method."""

# pylint: disable=g-importing-member
from tff_methods.algorithms.dgc import build_dgc_fed_avg
from tff_methods.algorithms.dhqc import build_dhqc_fed_avg
from tff_methods.algorithms.ef_sign import build_ef_sign_fed_avg
from tff_methods.algorithms.fed_mlh import build_fed_mlh
from tff_methods.algorithms.fed_ss import build_fed_ss
from tff_methods.algorithms.fetch_sgd import build_fetch_sgd_fed_avg
from tff_methods.algorithms.low_rank import build_low_rank_fed_avg
from tff_methods.algorithms.lsh_select import build_lsh_select_fed_avg
from tff_methods.algorithms.qsgd import build_qsgd_fed_avg
from tff_methods.algorithms.random_mask import build_random_mask_fed_avg
from tff_methods.algorithms.sketched_update import build_sketched_update_fed_avg
from tff_methods.algorithms.structured_update import (
  build_structured_update_fed_avg,
)
from tff_methods.algorithms.terngrad import build_terngrad_fed_avg

__all__ = [
  'build_dgc_fed_avg',
  'build_dhqc_fed_avg',
  'build_ef_sign_fed_avg',
  'build_fed_mlh',
  'build_fed_ss',
  'build_fetch_sgd_fed_avg',
  'build_low_rank_fed_avg',
  'build_lsh_select_fed_avg',
  'build_qsgd_fed_avg',
  'build_random_mask_fed_avg',
  'build_sketched_update_fed_avg',
  'build_structured_update_fed_avg',
  'build_terngrad_fed_avg',
]
