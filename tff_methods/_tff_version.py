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
"""Version check of TensorFlow Federated, made at import."""

from importlib import metadata as _metadata

_TFF_VERSION = '0.87.0'


def _check_tff_version() -> None:
  """Raises `ImportError` unless the TFF version of this package is installed.

  Reads the installed metadata only, so that the message precedes TFF's own
  import, whose errors are harder to read.
  """
  try:
    found = _metadata.version('tensorflow-federated')
  except _metadata.PackageNotFoundError:
    found = 'none'
  if found != _TFF_VERSION:
    raise ImportError(
      f'Expected tensorflow-federated {_TFF_VERSION}, found {found}: install '
      'it with `pip install --no-deps --require-hashes -r requirements.txt` '
      'from the tff-methods repository.'
    )


_check_tff_version()
