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
"""Restricted spaces of structured updates: random mask and low rank."""

# pylint: disable=g-importing-member
from tff_methods.update_spaces.inner_layers import InnerLayers
from tff_methods.update_spaces.inner_layers import outer_tensors
from tff_methods.update_spaces.low_rank import LowRank
from tff_methods.update_spaces.model_space import KEY_SPEC
from tff_methods.update_spaces.model_space import ModelSpace
from tff_methods.update_spaces.random_mask import RandomMask
from tff_methods.update_spaces.scaled import Scaled
from tff_methods.update_spaces.update_space import LinearMap
from tff_methods.update_spaces.update_space import TensorSpace
from tff_methods.update_spaces.update_space import UpdateSpace
from tff_methods.update_spaces.update_space import WholeTensor

__all__ = [
  'InnerLayers',
  'KEY_SPEC',
  'LinearMap',
  'LowRank',
  'ModelSpace',
  'RandomMask',
  'Scaled',
  'TensorSpace',
  'UpdateSpace',
  'WholeTensor',
  'outer_tensors',
]
