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
"""Models in two parts, a body and a table of rows; their losses."""

# pylint: disable=g-importing-member
from tff_methods.models.candidates import Candidates
from tff_methods.models.cross_entropy import softmax_cross_entropy
from tff_methods.models.input_table import InputTable
from tff_methods.models.keras_row_model import row_model_from_keras
from tff_methods.models.keras_weights import assign_to_keras
from tff_methods.models.label_roles import LabelRoles
from tff_methods.models.row_layer import RowLayer
from tff_methods.models.row_model import RowModel
from tff_methods.models.similarity import DotProduct
from tff_methods.models.similarity import ScaledCosine
from tff_methods.models.similarity import Similarity
from tff_methods.models.sub_model import SubModelOutput

__all__ = [
  'assign_to_keras',
  'Candidates',
  'DotProduct',
  'InputTable',
  'LabelRoles',
  'row_model_from_keras',
  'RowLayer',
  'RowModel',
  'ScaledCosine',
  'Similarity',
  'softmax_cross_entropy',
  'SubModelOutput',
]
