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
"""Keeps the BUILD files in step with the Python sources.

  python tools/build_files.py        # prints the differences, exit code 1
  python tools/build_files.py --fix  # writes the BUILD files

Each module has one target of its name: a `py_test` for `*_test.py`, a
`py_binary` for a program, a `py_library` otherwise. Its `deps` are the modules
of this repository that it imports. A test that imports TensorFlow, itself or
through other modules, is of Bazel's default size, others are small. Files whose
tests all have pytest's mark `slow` have the tag `slow` and the size large;
where some have it, `tools/testing.bzl` makes a second target of these. The text
before the first target and other attributes are written by hand, and are kept.
A module is visible to its top directory and to tests, a package to everyone.
Modules that import each other, which Bazel refuses, are an error.
"""

import argparse
import ast
from collections.abc import Iterator, Mapping, Sequence
import difflib
import json
import os
import pathlib
import sys
from typing import Any

_LICENCE = pathlib.Path(__file__).read_text().partition('"""')[0]
_LOADS = {
  'py_binary': '@rules_python//python:defs.bzl',
  'py_library': '@rules_python//python:defs.bzl',
  'py_test': '//tools:testing.bzl',
}
_HEAVY = ('tensorflow', 'tensorflow_federated')
_RULES = ('py_binary', 'py_library', 'py_test')
_ATTRIBUTES = (
  'name testonly size timeout srcs data has_slow_tests tags visibility deps'
).split()

# The attributes of a target by name, and its rule under the key 'rule'.
_Target = Mapping[str, Any]


def main() -> int:
  """Compares or writes the BUILD files; returns the exit code."""
  parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
  parser.add_argument('--fix', action='store_true', help='write BUILD files')
  fix = parser.parse_args().fix
  root = pathlib.Path(__file__).resolve().parents[1]
  out_of_step = 0
  dependencies: dict[str, list[str]] = {}
  packages = {p: _expected_targets(root, p) for p in _packages(root)}
  for package, targets in packages.items():
    dependencies.update(_dependencies(_package_label(root, package), targets))
  _set_sizes(root, packages, dependencies)
  for package, targets in packages.items():
    build = package / 'BUILD'
    old = build.read_text() if build.exists() else ''
    head = _default_head(package.relative_to(root).parts[0])
    new = _build_text(old or head, targets)
    if new == old:
      continue
    if fix:
      build.write_text(new)
    else:
      out_of_step += 1
      name = str(build.relative_to(root))
      lines = (text.splitlines(keepends=True) for text in (old, new))
      sys.stdout.writelines(difflib.unified_diff(*lines, name, name))
  if out_of_step:
    print('BUILD files are out of step: `python tools/build_files.py --fix`.')
  cycle = _find_cycle(dependencies)
  if cycle:
    print(f'Modules import each other: {" -> ".join(cycle)}.')
  return int(out_of_step > 0 or bool(cycle))


def _packages(root: pathlib.Path) -> Iterator[pathlib.Path]:
  """Yields the directories below `root` with Python modules or a BUILD file."""
  ignored = (root / '.bazelignore').read_text().split()
  for directory, subdirectories, files in os.walk(root):
    here = pathlib.Path(directory)
    subdirectories[:] = [
      name
      for name in sorted(subdirectories)
      if name[0] != '.' and str((here / name).relative_to(root)) not in ignored
    ]
    modules = [name for name in files if name.endswith('.py')]
    if here != root and (modules or 'BUILD' in files):
      yield here


def _expected_targets(
  root: pathlib.Path, package: pathlib.Path
) -> dict[str, _Target]:
  """Returns the targets that the modules of a package need, by name."""
  targets = {}
  for source in sorted(package.glob('*.py')):
    text = source.read_text()
    name = package.name if source.stem == '__init__' else source.stem
    target = {'rule': 'py_library', 'name': name, 'srcs': [source.name]}
    if source.stem == '__init__':
      target['visibility'] = ['//visibility:public']
    if name.endswith('_test'):
      target |= {'rule': 'py_test', 'size': None, **_slowness(ast.parse(text))}
    elif "\nif __name__ == '__main__':" in text:
      target['rule'] = 'py_binary'
    elif _package_label(root, package).startswith('//tests'):
      target['testonly'] = True
    labels = {_label(root, name) for name in _imported_names(ast.parse(text))}
    here = _package_label(root, package)
    deps = {_short(d, here) for d in labels - {None, f'{here}:{name}'}}
    target['deps'] = sorted(deps, key=lambda d: (d[0] != ':', d.split(':')))
    targets[name] = target
  return targets


def _slowness(module: ast.Module) -> dict[str, Any]:
  """Returns the attributes of a test file that say which tests are slow."""
  marks = []
  for node in module.body:
    if isinstance(node, ast.ClassDef):
      for member in node.body:
        if isinstance(member, ast.FunctionDef) and member.name[:4] == 'test':
          decorators = [*node.decorator_list, *member.decorator_list]
          marks.append('pytest.mark.slow' in map(ast.unparse, decorators))
  is_slow = bool(marks) and all(marks)
  return {'is_slow': is_slow, 'has_slow_tests': any(marks) and not is_slow}


def _set_sizes(
  root: pathlib.Path,
  packages: Mapping[pathlib.Path, dict[str, _Target]],
  dependencies: Mapping[str, Sequence[str]],
) -> None:
  """Sets the sizes of tests: small unless slow, or importing TensorFlow."""
  heavy = set()
  for package, targets in packages.items():
    for name, target in targets.items():
      module = ast.parse((package / target['srcs'][0]).read_text())
      names = {n.partition('.')[0] for n in _imported_names(module)}
      if not names.isdisjoint(_HEAVY):
        heavy.add(f'{_package_label(root, package)}:{name}')
  for package, targets in packages.items():
    for name, target in targets.items():
      if target['rule'] == 'py_test':
        label = f'{_package_label(root, package)}:{name}'
        if target['is_slow']:
          target['size'] = 'large'
        elif heavy.isdisjoint(_closure(label, dependencies)):
          target['size'] = 'small'


def _closure(label: str, dependencies: Mapping[str, Sequence[str]]) -> set[str]:
  """Returns a label and all that it needs, directly or not."""
  found, pending = set(), [label]
  while pending:
    label = pending.pop()
    if label not in found:
      found.add(label)
      pending.extend(dependencies.get(label, ()))
  return found


def _dependencies(
  here: str, targets: Mapping[str, _Target]
) -> dict[str, list[str]]:
  """Returns the full labels that each target of the package `here` needs."""
  full = {}
  for name, target in targets.items():
    full[f'{here}:{name}'] = labels = []
    for label in target['deps']:
      label = here + label if label[0] == ':' else label
      labels.append(
        label if ':' in label else f'{label}:{label.split("/")[-1]}'
      )
  return full


def _find_cycle(dependencies: Mapping[str, Sequence[str]]) -> list[str]:
  """Returns labels of which each needs the next, the last being the first."""
  finished = set()

  def visit(label: str, path: list[str]) -> list[str]:
    if label in path:
      return [*path[path.index(label) :], label]
    if label not in finished:
      for dependency in dependencies.get(label, ()):
        if cycle := visit(dependency, [*path, label]):
          return cycle
      finished.add(label)
    return []

  for label in dependencies:
    if cycle := visit(label, []):
      return cycle
  return []


def _imported_names(module: ast.Module) -> Iterator[str]:
  """Yields the dotted names of a module's imports, `from a import b` as a.b."""
  for node in ast.walk(module):
    if isinstance(node, ast.Import):
      yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
      yield from (f'{node.module}.{alias.name}' for alias in node.names)


def _label(root: pathlib.Path, name: str) -> str | None:
  """Returns the target of a dotted name, `None` if it is not below `root`."""
  path = root.joinpath(*name.split('.'))
  for module in (path, path.parent):
    if module.with_suffix('.py').is_file():
      return f'{_package_label(root, module.parent)}:{module.name}'
    if (module / '__init__.py').is_file():
      return f'{_package_label(root, module)}:{module.name}'
  return None


def _package_label(root: pathlib.Path, package: pathlib.Path) -> str:
  return '//' + '/'.join(package.relative_to(root).parts)


def _short(label: str, here: str) -> str:
  """Returns a label as a BUILD file of the package `here` writes it."""
  package, _, name = label.partition(':')
  if package == here:
    return f':{name}'
  return package if package.endswith(f'/{name}') else label


def _default_head(top_directory: str) -> str:
  packages = sorted({f'//{top_directory}', '//tests'})
  if len(packages) == 1:
    return 'package(default_visibility = ["//tests:__subpackages__"])\n'
  items = ''.join(f'    "{p}:__subpackages__",\n' for p in packages)
  return f'package(default_visibility = [\n{items}])\n'


def _build_text(old: str, expected: Mapping[str, _Target]) -> str:
  """Returns the text of a BUILD file with the expected targets."""
  existing = {}
  by_hand = old.splitlines(keepends=True)
  for node in ast.parse(old).body:
    call = getattr(node, 'value', None)
    if isinstance(call, ast.Call) and call.func.id in _RULES:
      values = {k.arg: ast.literal_eval(k.value) for k in call.keywords}
      existing[values['name']] = values
      del by_hand[node.lineno - 1 :]
  if not existing and not expected:
    return old
  files = sorted(set(_LOADS.values()), reverse=True)
  starts = tuple(f'load("{file}", ' for file in files)
  head = ''.join(line for line in by_hand if not line.startswith(starts))
  head = head.removeprefix(_LICENCE).strip()
  rules = sorted({str(target['rule']) for target in expected.values()})
  loads = ''
  for file, start in zip(files, starts, strict=True):
    names = ', '.join(f'"{rule}"' for rule in rules if _LOADS[rule] == file)
    loads += f'{start}{names})\n' if names else ''
  targets = [
    _target_text(_merge(existing.get(name, {}), target))
    for name, target in expected.items()
  ]
  return '\n'.join([_LICENCE + '\n' + loads, head + '\n', *targets])


def _merge(existing: _Target, expected: _Target) -> dict[str, Any]:
  """Returns the attributes of a target: those written by hand, and others."""
  merged = {**existing, **expected}
  if merged['rule'] == 'py_test':
    tags = {*merged.get('tags', ())} - {'slow'}
    merged['tags'] = sorted(tags | ({'slow'} if merged['is_slow'] else set()))
    del merged['is_slow']
    if not merged['has_slow_tests']:
      del merged['has_slow_tests']
  return merged


def _target_text(target: _Target) -> str:
  """Returns a target as Bazel's own formatter lays it out."""
  lines = [f'{target["rule"]}(']
  for key in sorted(target.keys() - {'rule'}, key=_ATTRIBUTES.index):
    value = target[key]
    if isinstance(value, list) and len(value) > 1:
      items = ''.join(f'        "{item}",\n' for item in value)
      lines.append(f'    {key} = [\n{items}    ],')
    elif value or value is False:
      text = str(value) if isinstance(value, bool) else json.dumps(value)
      lines.append(f'    {key} = {text},')
  return '\n'.join([*lines, ')\n'])


if __name__ == '__main__':
  sys.exit(main())
