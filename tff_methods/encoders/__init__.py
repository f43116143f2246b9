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
"""Encoders: `tensor_encoding` stages that compress tensors, composed.

Rotation, subsampling, top-k, quantization and bit packing. A stage encodes a
tensor as smaller tensors and decodes them; an encoder chains stages.
"""

# pylint: disable=g-importing-member
from tff_methods.encoders.bit_packing import BitPackingStage
from tff_methods.encoders.client_rotation import ClientRotationStage
from tff_methods.encoders.eden_quantization import EdenQuantizationStage
from tff_methods.encoders.hierarchical_quantization import (
  HierarchicalQuantizationStage,
)
from tff_methods.encoders.norm_quantization import NormQuantizationStage
from tff_methods.encoders.rotation import RotationStage
from tff_methods.encoders.row_quantization import RowQuantization
from tff_methods.encoders.sign_quantization import SignQuantizationStage
from tff_methods.encoders.sketching import contraction as sketch_contraction
from tff_methods.encoders.sketching import sketch_encoder
from tff_methods.encoders.sparsification import sparse_encoder
from tff_methods.encoders.subsampling import SubsamplingStage
from tff_methods.encoders.tensor_encoding import chain
from tff_methods.encoders.tensor_encoding import ClientSeededStage
from tff_methods.encoders.tensor_encoding import decode_with_key
from tff_methods.encoders.tensor_encoding import encode_with_key
from tff_methods.encoders.tensor_encoding import encode_with_salt
from tff_methods.encoders.tensor_encoding import GatherEncoder
from tff_methods.encoders.tensor_encoding import identity_encoder
from tff_methods.encoders.tensor_encoding import map_in_sequence
from tff_methods.encoders.tensor_encoding import SeededStage
from tff_methods.encoders.tensor_encoding import Stage
from tff_methods.encoders.ternary_quantization import TernaryQuantizationStage
from tff_methods.encoders.ternary_quantization import TernaryRoundingStage
from tff_methods.encoders.top_k import TopKStage
from tff_methods.encoders.uniform_quantization import UniformQuantizationStage

__all__ = [
  'BitPackingStage',
  'chain',
  'ClientRotationStage',
  'ClientSeededStage',
  'decode_with_key',
  'EdenQuantizationStage',
  'encode_with_key',
  'encode_with_salt',
  'GatherEncoder',
  'HierarchicalQuantizationStage',
  'identity_encoder',
  'map_in_sequence',
  'NormQuantizationStage',
  'RotationStage',
  'RowQuantization',
  'SeededStage',
  'SignQuantizationStage',
  'sketch_contraction',
  'sketch_encoder',
  'sparse_encoder',
  'Stage',
  'SubsamplingStage',
  'TernaryQuantizationStage',
  'TernaryRoundingStage',
  'TopKStage',
  'UniformQuantizationStage',
]
