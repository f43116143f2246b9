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
"""Kernels with which TensorFlow computes on CPUs."""

# TensorFlow has no public name for its own choice.
from tensorflow.python.util import _pywrap_util_port


def uses_onednn() -> bool:
  """Returns true if TensorFlow computes with oneDNN's kernels on CPUs.

  It does if `TF_ENABLE_ONEDNN_OPTS` was '1' when it was imported or, without
  that variable, on processors with instructions for neural networks.
  """
  return _pywrap_util_port.IsMklEnabled()
