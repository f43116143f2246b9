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
"""Text of `--help`: the program's docstring, and its flags in sections."""

from collections.abc import Mapping, Sequence
import re
import textwrap
import types

from absl import flags

_WIDTH = 80
# absl puts the values of an enum before its help, and a remark after that of a
# flag that may be repeated.
_ABSL_ADDITIONS = re.compile(r'^<[^>]*>: |;\s+repeat this option.*')
_INDENT = ' ' * 6


def help_text(
  module: types.ModuleType,
  sections: Mapping[str, Sequence[flags.FlagHolder]] | None = None,
  defaults: Mapping[str, Mapping[str, object]] | None = None,
) -> str:
  """Returns the text of `--help`.

  Args:
    module: Module of the program. Its docstring comes first.
    sections: Flags by title. Default: the key flags of `module`.
    defaults: Defaults that replace those of the flags, by title of the section
      and name of the flag.
  """
  if sections is None:
    sections = {'Flags': flags.FLAGS.get_key_flags_for_module(module)}
  parts = [(module.__doc__ or '').strip()]
  for title, holders in sections.items():
    own = (defaults or {}).get(title, {})
    parts.append(
      '\n'.join([f'{title}:', *(_flag_text(_flag(h), own) for h in holders)])
    )
  return '\n\n'.join(parts)


def _flag(holder: flags.FlagHolder | flags.Flag) -> flags.Flag:
  return flags.FLAGS[holder.name]


def _flag_text(flag: flags.Flag, defaults: Mapping[str, object]) -> str:
  text = _ABSL_ADDITIONS.sub('', flag.help) + _default_text(flag, defaults)
  lines = textwrap.wrap(
    text, _WIDTH, initial_indent=_INDENT, subsequent_indent=_INDENT
  )
  return '\n'.join([f'  {_usage(flag)}', *lines])


def _usage(flag: flags.Flag) -> str:
  if flag.boolean:
    return f'--[no]{flag.name}'
  values = getattr(flag.parser, 'enum_values', None)
  if values is None:
    return f'--{flag.name}={_placeholder(flag)}'
  text = f'--{flag.name}={"|".join(values)}'
  if len(text) + 2 <= _WIDTH:
    return text
  return '\n    '.join(textwrap.wrap(text.replace('|', ' | '), _WIDTH - 4))


def _placeholder(flag: flags.Flag) -> str:
  match flag.parser:
    case flags.IntegerParser():
      return 'INT'
    case flags.FloatParser():
      return 'NUMBER'
    case flags.ListParser():
      return 'A,B,...'
    case _:
      return 'TEXT'


def _default_text(flag: flags.Flag, defaults: Mapping[str, object]) -> str:
  if 'Default:' in flag.help:
    return ''
  value = defaults.get(flag.name, flag.default)
  if value is None:
    return ' Default: none.' if flag.name in defaults else ''
  if isinstance(value, bool):
    value = str(value).lower()
  elif isinstance(value, list | tuple):
    value = ','.join(map(str, value))
  return f' Default: {value}.' if value != '' else ''
