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
"""Presets of `programs.train`: flag files, and flags that vary."""

from collections.abc import Iterable, Mapping, Sequence
import dataclasses
import itertools
import os
import pathlib
import re

from programs.command_line import flag_files
from programs.command_line import runner

# Flags that `programs.compare` sets, or that do not train.
_NOT_VARIED = (
  *('seed', 'output_dir', 'flagfile', 'dry_run', 'help'),
  'measure_client_seconds',
)
_VARIATION = re.compile(r'(?:(?P<name>[^:=]+):)?(?P<flag>\w+)=(?P<values>.+)')


@dataclasses.dataclass(frozen=True)
class Preset:
  """Configuration of `programs.train` without the seed.

  Attributes:
    name: Name of the flag file, without directory and extension, followed by
      the flags that vary.
    flagfile: Path of the flag file.
    flags: Additional flags, as on a command line.
  """

  name: str
  flagfile: str
  flags: tuple[str, ...] = ()


def read(flagfiles: Sequence[str], variations: Sequence[str]) -> list[Preset]:
  """Returns the presets of flag files, in all variations.

  Args:
    flagfiles: Paths of the flag files, or names of those of the programs: see
      `flag_files.find`.
    variations: `FLAG=VALUE,VALUE,...` for all files, or `NAME:FLAG=VALUE,...`
      for the file of this name (without directory and extension). Several
      variations of a file give all combinations; the values of the last one
      vary fastest.

  Returns:
    The presets, grouped by file.

  Raises:
    UsageError: If a file is missing, two files have the same name, or a
      variation is malformed or names no file.
  """
  if not flagfiles:
    raise runner.UsageError(
      'Expected flag files in --runs, found none; give at least one.'
    )
  paths = _by_name(flagfiles)
  varied = {name: {} for name in paths}
  for variation in variations:
    _add_variation(variation, varied)
  presets = []
  for name, path in paths.items():
    for flags in _combinations(varied[name]):
      full_name = '-'.join([name, *(f.replace('/', '_') for f in flags)])
      presets.append(Preset(full_name, path, tuple(f'--{f}' for f in flags)))
  return presets


def _by_name(flagfiles: Sequence[str]) -> dict[str, str]:
  """Returns flag files by name, without directory and extension."""
  paths = {}
  for path in map(flag_files.find, flagfiles):
    name, _ = os.path.splitext(os.path.basename(path))
    if not os.path.isfile(path):
      raise runner.UsageError(
        f'Expected flag files in --runs, found no file {path!r}; '
        'check the path.'
      )
    try:
      pathlib.Path(path).read_text(encoding='utf-8')
    except (OSError, UnicodeDecodeError) as e:
      raise runner.UsageError(
        f'Expected flag files in --runs, found {path!r}, which is no text: {e}.'
      ) from e
    if name in paths:
      raise runner.UsageError(
        f'Expected flag files of different names in --runs, found {name!r} '
        'twice; rename one.'
      )
    paths[name] = path
  return paths


def _add_variation(
  variation: str, varied: Mapping[str, dict[str, list[str]]]
) -> None:
  """Adds the values of a flag to the files in which it varies."""
  match = _VARIATION.fullmatch(variation)
  values = match['values'].split(',') if match else []
  if match is None or '' in values or len(set(values)) != len(values):
    raise runner.UsageError(
      'Expected FLAG=VALUE,VALUE,... or NAME:FLAG=VALUE,... with different '
      f'values in --vary, found {variation!r}.'
    )
  if match['flag'] in _NOT_VARIED:
    raise runner.UsageError(
      f'Expected flags of the training in --vary, found {match["flag"]!r}; '
      'leave it out, and give --seeds for seeds.'
    )
  if match['name'] is not None and match['name'] not in varied:
    raise runner.UsageError(
      f'Expected the name of a flag file in --vary, one of {list(varied)}, '
      f'found {match["name"]!r}.'
    )
  for name in varied if match['name'] is None else [match['name']]:
    if match['flag'] in varied[name]:
      raise runner.UsageError(
        f'Expected each flag of {name!r} once in --vary, found '
        f'{match["flag"]!r} twice; give all its values together.'
      )
    varied[name][match['flag']] = values


def _combinations(varied: Mapping[str, list[str]]) -> Iterable[list[str]]:
  """Yields all combinations of values, each a list of `FLAG=VALUE`."""
  for values in itertools.product(*varied.values()):
    yield [
      f'{flag}={value}' for flag, value in zip(varied, values, strict=True)
    ]
