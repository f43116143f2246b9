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
"""Communication-efficient federated learning for TensorFlow Federated."""

# Comes first: it says in one line what is wrong where TFF's import would fail.
from tff_methods import _tff_version  # isort: skip
from tff_methods import aggregators
from tff_methods import algorithms
from tff_methods import communication
from tff_methods import encoders
from tff_methods import label_hashing
from tff_methods import models
from tff_methods import retrieval
from tff_methods import runtime
from tff_methods import simulation
from tff_methods import templates
from tff_methods import update_spaces

__all__ = [
  'aggregators',
  'algorithms',
  'communication',
  'encoders',
  'label_hashing',
  'models',
  'retrieval',
  'runtime',
  'simulation',
  'templates',
  'update_spaces',
]

del _tff_version
