#!/usr/bin/env bash
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

# Runs Debian's Bazel 4.2 without a network: `tools/debian_bazel/bazel.sh test
# //...`. Rule sets come from Debian's packages, and from the shims beside this
# script where Debian has none that Bazel 4.2 can load.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

packages=(
  bazel-bootstrap
  bazel-platforms
  bazel-rules-java
  bazel-rules-proto
  bazel-skylib
)
if ! dpkg-query --show "${packages[@]}" >/dev/null 2>&1; then
  if ! command -v apt-get >/dev/null || ((EUID != 0)); then
    echo "Found no Debian Bazel: run \`apt-get install ${packages[*]}\` as" \
      'root, or set BAZEL=bazel to use another one.' >&2
    exit 1
  fi
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  apt-get install -qq --no-install-recommends "${packages[@]}" >/dev/null
fi

debian=/usr/share/bazel
shims=$PWD/tools/debian_bazel
# --batch: no server that outlives the command.
exec bazel-4 --batch "$1" \
  --override_repository=bazel_skylib="$debian/tools/skylib" \
  --override_repository=platforms="$debian/platforms" \
  --override_repository=remote_coverage_tools="$shims/remote_coverage_tools" \
  --override_repository=rules_cc="$shims/rules_cc" \
  --override_repository=rules_java="$debian/rules/java" \
  --override_repository=rules_proto="$debian/rules/proto" \
  --override_repository=rules_python="$shims/rules_python" \
  --spawn_strategy=processwrapper-sandbox \
  --symlink_prefix=/ \
  "${@:2}"
