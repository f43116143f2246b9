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
"""Trains on a folder of your own client data, with your own Keras model.

  python -m examples.own_data

1.  Writes a folder with an .npz file for each client, and its schema.json.
2.  Trains on it, as on your folder: only --data_dir and --keras_model differ.
"""

import json
import os
import subprocess
import sys
import tempfile

import numpy as np
from sklearn import datasets

_SCHEMA = {
  'features': {'image': {'dtype': 'uint8', 'shape': [8, 8, 1]}},
  'label': {'column': 'digit', 'classes': 10},
}


def main() -> None:
  """Writes the data, and trains."""
  with tempfile.TemporaryDirectory() as directory:
    data_dir = os.path.join(directory, 'data')
    write_clients(data_dir)
    subprocess.run(
      [
        *(sys.executable, '-m', 'programs.train'),
        *('--task=folder', f'--data_dir={data_dir}'),
        '--keras_model=examples.keras_models:digits',
        *('--method=sketched_update', '--bits=4', '--fraction=0.5'),
        *('--rounds=15', '--clients_per_round=5', '--client_epochs=3'),
        '--client_learning_rate=0.1',
        f'--output_dir={os.path.join(directory, "run")}',
      ],
      env=os.environ | {'TFF_METHODS_CACHE': os.path.join(directory, 'cache')},
      check=True,
    )


def write_clients(data_dir: str) -> None:
  """Writes digits as the data of 30 clients, each with five of ten digits.

  Args:
    data_dir: Directory of the files; created if missing.
  """
  os.makedirs(data_dir, exist_ok=True)
  rng = np.random.default_rng(0)
  digits = datasets.load_digits()
  for client in range(30):
    own = np.isin(digits.target, rng.choice(10, 5, replace=False))
    chosen = rng.choice(np.flatnonzero(own), rng.integers(20, 80))
    np.savez(
      os.path.join(data_dir, f'client_{client:02}.npz'),
      image=digits.images[chosen, :, :, np.newaxis].astype(np.uint8),
      digit=digits.target[chosen],
    )
  with open(os.path.join(data_dir, 'schema.json'), 'w') as f:
    json.dump(_SCHEMA, f, indent=2)


if __name__ == '__main__':
  main()
