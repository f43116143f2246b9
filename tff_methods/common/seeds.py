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
"""Keys of stateless random ops, and keys of clients.

A key is `int32[2]`. Every random choice of the library is a function of a key
folded from (base seed, tensor, stage, round, client salt), so the same five
give the same choice. Folding and drawing are one op each, the Philox generator
itself: key and counter in, random bits out, the same bits on every device.
(`tf.random.stateless_uniform` wraps it in some 30 small ops that scramble weak
keys; the keys here are scrambled already.)
"""

import functools
import math
from typing import Any

import numpy as np
import tensorflow as tf

from tff_methods.common import lookup

# Salt of a client without data.
NO_SALT = np.zeros([2], np.int32)

_PHILOX = 1
_DRAW, _FOLD = 0, 1  # Drawing and folding use different counters.


def key(*parts: int) -> np.ndarray:
  """Returns the `int32[2]` key of integers, as a constant."""
  entropy = [part % 2**256 for part in parts]
  return np.random.SeedSequence(entropy).generate_state(2).astype(np.int32)


def fold_in(seed_key: tf.Tensor, data: tf.Tensor) -> tf.Tensor:
  """Returns the `int32[2]` key of `seed_key` and an `int32[]` together."""
  data = tf.cast(tf.bitcast(data, tf.uint32), tf.uint64)
  return _philox(seed_key, 2, tf.stack([data, tf.constant(_FOLD, tf.uint64)]))


def random_words(seed_key: tf.Tensor, num_words: int) -> tf.Tensor:
  """Returns `int32[num_words]` of independent, uniformly random bits."""
  return _philox(seed_key, num_words, tf.constant([0, _DRAW], tf.uint64))


def random_normals(seed_key: tf.Tensor, length: int) -> tf.Tensor:
  """Returns `float32[length]` of independent standard normal numbers."""
  return tf.raw_ops.StatelessRandomNormalV2(
    shape=[length],
    key=_philox_key(seed_key),
    counter=tf.constant([0, _DRAW], tf.uint64),
    alg=_PHILOX,
  )


def random_signs(seed_key: tf.Tensor, length: int) -> tf.Tensor:
  """Returns `float32[length]` of fair signs, 1 or -1: one random bit each."""
  words = random_words(seed_key, math.ceil(length / 32))
  octets = tf.cast(tf.reshape(tf.bitcast(words, tf.uint8), [-1]), tf.int32)
  bits = (np.arange(256)[:, None] >> np.arange(8)) & 1
  signs = lookup.take(tf.constant(1.0 - 2.0 * bits, tf.float32), octets)
  return tf.reshape(signs, [-1])[:length]


def client_key(round_key: tf.Tensor, value: Any, seed_source: str) -> tf.Tensor:
  """Returns a key that only this client has.

  Args:
    round_key: `int32[2]`, the same for all clients of a round.
    value: Data that only this client has: a structure of tensors of any shape
      and dtype, ragged and sparse tensors included.
    seed_source: Source of the client's salt. `'reproducible'`: a fingerprint of
      `value`, so that the same value in the same round draws the same bits, in
      any runtime. `'entropy'`: the operating system's generator.

  Returns:
    An `int32[2]` key.
  """
  return functools.reduce(fold_salt, _salts(value, seed_source), round_key)


def client_salt(value: Any, seed_source: str) -> tf.Tensor:
  """Returns a salt that only this client has, the same for all its keys.

  Args:
    value: See `client_key`.
    seed_source: See `client_key`.

  Returns:
    `int32[2]`, for `fold_salt`.
  """
  return functools.reduce(fold_salt, _salts(value, seed_source))


def fold_salt(seed_key: tf.Tensor, salt: tf.Tensor) -> tf.Tensor:
  """Returns the `int32[2]` key of `seed_key` and an `int32[2]` together."""
  return fold_in(fold_in(seed_key, salt[0]), salt[1])


def _salts(value: Any, seed_source: str) -> list[tf.Tensor]:
  """Returns an `int32[2]` for each tensor; with entropy, one in all."""
  if seed_source == 'entropy':
    shape = tf.constant([2], tf.int64)
    return [tf.raw_ops.NonDeterministicInts(shape=shape, dtype=tf.int32)]
  return [
    _fingerprint(x) for x in tf.nest.flatten(value, expand_composites=True)
  ]


def _fingerprint(x: tf.Tensor) -> tf.Tensor:
  """Returns an `int32[2]` fingerprint of the elements of a tensor."""
  if x.dtype in (tf.string, tf.bool):
    content = tf.io.serialize_tensor(x)[tf.newaxis]
  else:
    content = tf.reshape(tf.bitcast(x, tf.uint8), [1, -1])
  words = tf.bitcast(tf.reshape(tf.fingerprint(content), [2, 4]), tf.int32)
  # TensorFlow would join this bitcast and that of `_philox_key` into one from
  # uint8 to uint64, which fails.
  return tf.bitwise.bitwise_or(words, words)


def _philox(
  seed_key: tf.Tensor, num_words: int, counter: tf.Tensor
) -> tf.Tensor:
  """Returns `int32[num_words]` of random bits of a key, from a counter on."""
  return tf.raw_ops.StatelessRandomUniformFullIntV2(
    shape=[num_words],
    key=_philox_key(seed_key),
    counter=counter,
    alg=_PHILOX,
    dtype=tf.int32,
  )


def _philox_key(seed_key: tf.Tensor) -> tf.Tensor:
  return tf.reshape(tf.bitcast(seed_key, tf.uint64), [1])
