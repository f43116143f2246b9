#!/bin/sh
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

# Makes the environment ENV hold exactly the packages that REQUIREMENTS lists:
#
#   tools/make_env.sh ENV REQUIREMENTS
#
# It is made from scratch if REQUIREMENTS differs from the copy that a finished
# install leaves in it.

set -eu
cd "$(dirname "$0")/.."

env=$1
requirements=$2
installed=$env/requirements.txt
if cmp -s "$requirements" "$installed"; then
  exit 0
fi

for python in python3.11 python3 ''; do
  if [ -z "$python" ]; then
    echo 'Found no Python 3.11 with venv: install it (on Debian and Ubuntu the' \
      'package python3.11-venv) so that `python3.11` is on PATH.' >&2
    exit 1
  fi
  if "$python" -c 'import ensurepip, sys, venv
sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null; then
    break
  fi
done

echo "Installing $requirements into $env; this takes up to a few minutes."
"$python" -m venv --clear "$env"
"$env/bin/python" -m pip install --quiet --disable-pip-version-check \
  --require-hashes --no-deps --requirement "$requirements"
cp "$requirements" "$installed"
