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
"""Importing this checks that the TFF that the package is made for is there."""

from importlib import metadata as _metadata

_TFF_VERSION = '0.87.0'


def _check_tff_version() -> None:
  """Raises `ImportError` unless the TFF that this package is made for is there.

  It looks at the installed metadata only, so it also speaks before TFF's own
  import fails for a reason that is harder to read.
  """
  remedy = (
    f'tff_methods needs tensorflow-federated=={_TFF_VERSION}; install it with '
    '`pip install --no-deps --require-hashes -r requirements.txt` '
    'from the tff-methods repository.'
  )
  try:
    found = _metadata.version('tensorflow-federated')
  except _metadata.PackageNotFoundError as e:
    raise ImportError(f'Found no tensorflow-federated: {remedy}') from e
  if found != _TFF_VERSION:
    raise ImportError(f'Found tensorflow-federated {found}: {remedy}')


_check_tff_version()
