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
"""Downloads of data sets by TFF, kept whole or not at all."""

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
  """Downloads a data set unless `cache_dir` has it.

  TFF keeps incomplete downloads. So the download goes to a temporary directory
  and is moved to `cache_dir` when it is complete.

  Args:
    cache_dir: Directory that keeps the data set; created if missing.
    name: Name of the file or directory to keep.
    download: Downloads to the directory that it is given.
    title: Name of the data set, for the message.
    remedy: Advice at the end of the message.

  Raises:
    ValueError: If the download fails.
  """
  path = os.path.join(cache_dir, name)
  if os.path.exists(path):
    return
  try:
    os.makedirs(cache_dir, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix='.loading-', dir=cache_dir) as d:
      download(d)
      os.replace(os.path.join(d, name), path)
  # Any type: an incomplete download may only fail when TFF reads it.
  except Exception as e:
    raise ValueError(
      f'Expected to download {title} to {cache_dir}, found {e}: {remedy}'
    ) from e
