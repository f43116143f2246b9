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
"""Options of the methods, validated when made; no TensorFlow import.

Each set of options is a frozen dataclass that raises `TypeError` or
`ValueError` for a bad value. The builders in `algorithms` take one of them, and
programs make one from flags, before TensorFlow is imported.
"""

# pylint: disable=g-importing-member
from tff_methods.options.count_sketch import CountSketchOptions
from tff_methods.options.count_sketch import ERROR_RESETS
from tff_methods.options.differential_privacy import DpSketchOptions
from tff_methods.options.differential_privacy import NoiseOptions
from tff_methods.options.downlink import DeltaDownlinkOptions
from tff_methods.options.downlink import DownlinkOptions
from tff_methods.options.gradient_quantization import EfSignOptions
from tff_methods.options.gradient_quantization import NORMS
from tff_methods.options.gradient_quantization import QsgdOptions
from tff_methods.options.gradient_quantization import SIGN_LEVELS
from tff_methods.options.label_hashing import DECODINGS
from tff_methods.options.label_hashing import REDUCTIONS
from tff_methods.options.randomness import RandomnessOptions
from tff_methods.options.randomness import SEED_SOURCES
from tff_methods.options.row_retrieval import FED_SS_VARIANTS
from tff_methods.options.row_retrieval import FedSsOptions
from tff_methods.options.row_retrieval import LshSelectOptions
from tff_methods.options.row_retrieval import RETRIEVAL_MODES
from tff_methods.options.row_retrieval import TRANSFORMS
from tff_methods.options.secure_aggregation import SecureSketchOptions
from tff_methods.options.sketch import QUANTIZERS
from tff_methods.options.sketch import SCALES
from tff_methods.options.sketch import SketchOptions
from tff_methods.options.sparse_update import DgcOptions
from tff_methods.options.sparse_update import DhqcOptions
from tff_methods.options.sparse_update import FEEDBACKS
from tff_methods.options.sparse_update import SCOPES
from tff_methods.options.sparse_update import SparseOptions
from tff_methods.options.structured_update import LEFT_FACTORS
from tff_methods.options.structured_update import LowRankOptions
from tff_methods.options.structured_update import RandomMaskOptions
from tff_methods.options.structured_update import StructuredUpdateOptions
from tff_methods.options.ternary import TernGradOptions
from tff_methods.options.update_bounds import UpdateBounds

__all__ = [
  'CountSketchOptions',
  'DECODINGS',
  'DeltaDownlinkOptions',
  'DgcOptions',
  'DhqcOptions',
  'DownlinkOptions',
  'DpSketchOptions',
  'EfSignOptions',
  'ERROR_RESETS',
  'FED_SS_VARIANTS',
  'FedSsOptions',
  'FEEDBACKS',
  'LEFT_FACTORS',
  'LowRankOptions',
  'LshSelectOptions',
  'NoiseOptions',
  'NORMS',
  'QsgdOptions',
  'QUANTIZERS',
  'RandomMaskOptions',
  'RandomnessOptions',
  'REDUCTIONS',
  'RETRIEVAL_MODES',
  'SCOPES',
  'SCALES',
  'SecureSketchOptions',
  'SEED_SOURCES',
  'SIGN_LEVELS',
  'SketchOptions',
  'SparseOptions',
  'StructuredUpdateOptions',
  'TernGradOptions',
  'TRANSFORMS',
  'UpdateBounds',
]
