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
"""Communication-efficient federated learning for TensorFlow Federated.

Subpackages are imported when first used: `tff_methods.options` alone needs no
TensorFlow.
"""

import importlib
import os
import types
from typing import TYPE_CHECKING

# Comes first: it says in one line what is wrong where TFF's import would fail.
from tff_methods import _tff_version  # isort: skip

if TYPE_CHECKING:
  from tff_methods import aggregators as aggregators
  from tff_methods import algorithms as algorithms
  from tff_methods import communication as communication
  from tff_methods import deployment as deployment
  from tff_methods import encoders as encoders
  from tff_methods import label_hashing as label_hashing
  from tff_methods import models as models
  from tff_methods import options as options
  from tff_methods import privacy as privacy
  from tff_methods import retrieval as retrieval
  from tff_methods import runtime as runtime
  from tff_methods import simulation as simulation
  from tff_methods import templates as templates
  from tff_methods import update_spaces as update_spaces

__all__ = [
  'aggregators',
  'algorithms',
  'communication',
  'deployment',
  'encoders',
  'label_hashing',
  'models',
  'options',
  'privacy',
  'retrieval',
  'runtime',
  'simulation',
  'templates',
  'update_spaces',
]

del _tff_version

# Otherwise gRPC starts its threads again in forked processes, where they wait
# on the parent's sockets and sometimes abort. gRPC reads this when TFF imports
# it: see `runtime.forks`.
os.environ.setdefault('GRPC_ENABLE_FORK_SUPPORT', '0')


def __getattr__(name: str) -> types.ModuleType:
  if name in __all__:
    return importlib.import_module(f'tff_methods.{name}')
  raise AttributeError(f'module {__name__!r} has no attribute {name!r}')


def __dir__() -> list[str]:
  return sorted([*globals(), *__all__])
