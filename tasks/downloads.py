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
"""Data sets that TFF downloads, kept whole or not at all."""

from collections.abc import Callable
import os
import tempfile


def ensure_downloaded(
  cache_dir: str,
  name: str,
  download: Callable[[str], object],
  *,
  title: str,
  remedy: str,
) -> None:
  """Downloads to a directory of its own, since TFF keeps half a download.

  Args:
    cache_dir: Where the data set is then kept; made if missing.
    name: Of its file or directory, of all that is downloaded.
    download: Downloads to the directory that it is given.
    title: What to call the data set in the message.
    remedy: What the message says to do.

  Raises:
    ValueError: If it cannot be downloaded.
  """
  path = os.path.join(cache_dir, name)
  if os.path.exists(path):
    return
  try:
    os.makedirs(cache_dir, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix='.loading-', dir=cache_dir) as d:
      download(d)
      os.replace(os.path.join(d, name), path)
  # Of many types: half a download may only show when TFF reads it.
  except Exception as e:
    raise ValueError(
      f'Expected to download {title} to {cache_dir}, found {e}: {remedy}'
    ) from e
