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

"""Tests of this project, which run under pytest, like those of the Makefile."""

load("@rules_python//python:defs.bzl", _py_test = "py_test")

_RUNNER = "//tools:run_pytest.py"
_PROGRAMS = "//programs:all_programs"

def py_test(
        name,
        srcs,
        deps = [],
        data = [],
        tags = [],
        has_slow_tests = False,
        **kwargs):
    """Makes the target of a test file.

    Args:
      name: Name of the target. It has the tests without pytest's mark `slow`,
        or those with the mark if the target has the tag `slow`.
      srcs: The file.
      deps: Modules that the file imports.
      data: Files that the tests read.
      tags: Tags of the target.
      has_slow_tests: If true, the tests with the mark are the target NAME_slow,
        with the tag.
      **kwargs: Other attributes of a py_test.
    """
    is_slow = "slow" in tags
    _pytest(name, srcs, deps, data, tags, is_slow, **kwargs)
    if has_slow_tests:
        _pytest(
            name + "_slow",
            srcs,
            deps,
            data,
            [tag for tag in tags if tag != "smoke"] + ["slow"],
            True,
            **dict(kwargs, size = "large")
        )

def _pytest(name, srcs, deps, data, tags, is_slow, **kwargs):
    # Tests of programs run them by name, in processes of their own.
    if native.package_name().startswith("tests/programs"):
        data = data + [_PROGRAMS]
    _py_test(
        name = name,
        srcs = srcs + [_RUNNER],
        main = _RUNNER,
        args = ["$(location %s)" % srcs[0], "slow" if is_slow else "'not slow'"],
        data = data + ["//:pyproject.toml"],
        tags = tags,
        deps = deps + ["//tests:conftest"],
        **kwargs
    )
