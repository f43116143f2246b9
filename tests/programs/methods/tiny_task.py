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
"""Small task with all attributes that methods read."""

import types

from tests.tff_methods import linear_model
from tests.tff_methods import row_models
from tff_methods import label_hashing

# Values of the flags that methods require.
REQUIRED_FLAGS = {'fraction': 0.5, 'num_sampled_classes': 4, 'num_buckets': 3}

TASK = types.SimpleNamespace(
  model_fn=linear_model.model_fn,
  row_model=row_models.row_model(),
  num_labels=9,
  hashed_model=lambda label_hash, seed: label_hashing.HashedLabelModel(
    label_hashing.DenseNetwork(4, (3,)), label_hash, max_labels=2, seed=seed
  ),
)
