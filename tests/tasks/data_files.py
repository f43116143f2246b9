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
"""Writers of small data files in the formats of the tasks."""

import gzip
import io
import json
import os
import zipfile

import numpy as np


def write_mnist(directory: str, num_train: int = 60, num_test: int = 20):
  """Writes `mnist.npz`, and returns its arrays."""
  rng = np.random.default_rng(0)
  arrays = {}
  for split, n in (('train', num_train), ('test', num_test)):
    arrays[f'x_{split}'] = rng.integers(256, size=(n, 28, 28), dtype=np.uint8)
    arrays[f'y_{split}'] = rng.integers(10, size=n, dtype=np.uint8)
  np.savez_compressed(os.path.join(directory, 'mnist.npz'), **arrays)
  return arrays


def write_cifar10(directory: str, num_per_file: int = 8):
  """Writes the six files of CIFAR-10, and returns each file's `(x, y)`."""
  rng = np.random.default_rng(1)
  parts = {}
  for part in ['train_0', 'train_1', 'train_2', 'train_3', 'train_4', 'test']:
    shape = (num_per_file, 32, 32, 3)
    x = rng.integers(256, size=shape, dtype=np.uint8)
    y = rng.integers(10, size=num_per_file, dtype=np.uint8)
    path = os.path.join(directory, f'cifar10_{part}.npz')
    write_lzma_npz(path, {'x_delta': _encode_cifar10(x), 'y': y})
    parts[part] = (x, y)
  return parts


def write_omniglot(directory: str, num_background=24, num_evaluation=3):
  """Writes `omniglot.npz` with 20 drawers; returns its arrays and drawings."""
  num_classes = num_background + num_evaluation
  rng = np.random.default_rng(2)
  # Blots, so that drawings of a class are similar.
  blots = rng.random((num_classes, 1, 7, 7)) < 0.3
  drawings = np.kron(blots, np.ones((15, 15))) > rng.random((20, 105, 105)) / 2
  drawings = drawings.reshape(-1, 105, 105).astype(np.uint8)
  label = np.repeat(np.arange(num_classes, dtype=np.uint16), 20)
  arrays = {
    'images': np.packbits(drawings, axis=2),
    'label': label,
    'drawer': np.tile(np.arange(1, 21, dtype=np.uint8), num_classes),
    'evaluation': (label >= num_background).astype(np.uint8),
  }
  np.savez_compressed(os.path.join(directory, 'omniglot.npz'), **arrays)
  return arrays, drawings


def write_lzma_npz(path: str, arrays):
  """Writes an .npz file whose members are compressed with LZMA."""
  with zipfile.ZipFile(path, 'w', zipfile.ZIP_LZMA) as f:
    for name, array in arrays.items():
      member = io.BytesIO()
      np.save(member, array)
      f.writestr(f'{name}.npy', member.getvalue())


def _encode_cifar10(x):
  """Returns mixed first differences of the color planes, modulo 256."""
  red, green, blue = np.moveaxis(x.astype(int), -1, 0)
  planes = np.stack([green, red - green, blue - green])
  padded = np.pad(planes, [(0, 0), (0, 0), (1, 0), (1, 0)])
  here, above = padded[..., 1:, 1:], padded[..., :-1, 1:]
  left, above_left = padded[..., 1:, :-1], padded[..., :-1, :-1]
  return ((here - above - left + above_left) % 256).astype(np.uint8)


def write_irc(directory: str, rows):
  """Writes `ubuntu_irc_users.jsonl.gz` of `(client_id, split, text)`."""
  names = ('client_id', 'split', 'text')
  _write_json_lines(directory, 'ubuntu_irc_users', names, rows)


def write_shakespeare(directory: str, rows):
  """Writes `shakespeare_speakers.jsonl.gz` of `(client_id, text)`."""
  names = ('client_id', 'text')
  _write_json_lines(directory, 'shakespeare_speakers', names, rows)


def _write_json_lines(directory, name, fields, rows):
  path = os.path.join(directory, f'{name}.jsonl.gz')
  with gzip.open(path, 'wt', encoding='utf-8') as f:
    for row in rows:
      f.write(json.dumps(dict(zip(fields, row, strict=True))) + '\n')


def post(author: int, number: int, **changed):
  """Returns a question of an author in `stackexchange_posts.jsonl.gz`.

  Its tags are 'beer' and that of the author; it has 'beer' twice.
  """
  return {
    'client_id': f's/{author}',
    'post_id': 100 * author + number,
    'kind': 'question',
    'title': f'beer number{number}',
    'tags': ['beer', f'tag{author}'],
    'text': f'Beer of author{author}',
  } | changed


def write_posts(directory: str, posts=None):
  """Writes `stackexchange_posts.jsonl.gz`, by default of four authors."""
  if posts is None:
    posts = [post(author, n) for author in range(4) for n in range(10)]
    answer = {'kind': 'answer', 'title': None, 'tags': None, 'text': 'other'}
    posts.append(post(0, 99, **answer))
  path = os.path.join(directory, 'stackexchange_posts.jsonl.gz')
  with gzip.open(path, 'wt', encoding='utf-8') as f:
    f.writelines(json.dumps(row) + '\n' for row in posts)


def write_lastfm(directory: str):
  """Writes `lastfm.npz`: 10 of 12 artists of each of 5 listeners.

  Returns:
    The artists of each listener.
  """
  rng = np.random.default_rng(3)
  artists = [rng.choice(12, 10, replace=False) for _ in range(5)]
  names = '\n'.join(f'artist{i}' for i in range(12))
  np.savez_compressed(
    os.path.join(directory, 'lastfm.npz'),
    indptr=np.arange(0, 51, 10),
    artist=np.concatenate(artists).astype(np.int32),
    artist_name_utf8=np.frombuffer(names.encode(), np.uint8),
  )
  return artists


def write_multi_label(directory: str, name: str, splits, n_features, n_labels):
  """Writes a multi-label .npz file.

  Args:
    directory: Directory of the new file.
    name: Name of the file.
    splits: For each split, such as '_train', a list of examples: a mapping from
      features to values, and a list of labels.
    n_features: Number of features.
    n_labels: Number of labels.

  Returns:
    The arrays of the file.
  """
  arrays = {'n_features': n_features, 'n_labels': n_labels}
  for split, examples in splits.items():
    rows = {
      'x': [(list(x), list(x.values())) for x, _ in examples],
      'y': [(y, [1] * len(y)) for _, y in examples],
    }
    for xy, lists in rows.items():
      indices = [i for row, _ in lists for i in row]
      arrays |= {
        f'{xy}{split}_indptr': np.cumsum([0] + [len(i) for i, _ in lists]),
        f'{xy}{split}_indices': np.array(indices, np.int16),
        f'{xy}{split}_data': np.array([v for _, d in lists for v in d], 'u1'),
      }
  np.savez_compressed(os.path.join(directory, name), **arrays)
  return arrays
