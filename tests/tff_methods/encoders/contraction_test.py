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
"""Norms of the values that contractive encoders decode."""

import functools

from absl.testing import parameterized
import numpy as np
import tensorflow as tf

from tests.tff_methods.encoders import round_trip
from tff_methods import encoders
from tff_methods import options as options_lib

_LENGTH = 134  # 2 * 67: its rotation has windows.
_NUM_VECTORS = 10_000


def _vectors(num_vectors: int, length: int) -> np.ndarray:
  """Returns vectors of many shapes and scales: heavy tails, few values."""
  rng = np.random.default_rng(0)
  size = (num_vectors // 10, length)
  normal = rng.normal(size=size)
  one_hot = np.eye(length)[rng.integers(length, size=size[0])]
  levels = rng.choice([-1.51, -0.4528, 0.4528, 1.51], size=size)
  kinds = [
    normal,
    rng.standard_cauchy(size=size),
    rng.lognormal(sigma=8.0, size=size),
    rng.choice([-1.0, 1.0], size=size),  # What one bit decodes exactly.
    levels,  # Near what two bits decode exactly.
    one_hot * rng.normal(size=(size[0], 1)),
    1000.0 * one_hot + normal,
    normal * (rng.uniform(size=size) < 0.05),
    np.ones(size) + 1e-7 * normal,  # Near a range of zero.
    normal * 10.0 ** rng.uniform(-44, 37, size=(size[0], 1)),
  ]
  return np.concatenate(kinds).astype(np.float32)


_VECTORS = _vectors(_NUM_VECTORS, _LENGTH)


def _norm(x: np.ndarray) -> np.ndarray:
  return np.linalg.norm(x.astype(np.longdouble), axis=-1)


def _sketch(length=_LENGTH, **kwargs):
  spec = tf.TensorSpec([length], tf.float32)
  options = options_lib.SketchOptions(**kwargs)
  return encoders.sketch_encoder(spec, options, (0,), 'contractive')


def _sparse(length=_LENGTH, **kwargs):
  spec = tf.TensorSpec([length], tf.float32)
  options = options_lib.SparseOptions(**kwargs)
  return encoders.sparse_encoder(spec, options, 'contractive')


def _ternary(length=_LENGTH, clip_factor=None):
  stage = encoders.TernaryQuantizationStage(
    (0,), clip_factor=clip_factor, scale='contractive'
  )
  spec = tf.TensorSpec([length], tf.float32)
  return encoders.chain([(stage, '')], spec)


def _decode_all(
  encoder: encoders.GatherEncoder, vectors: np.ndarray = _VECTORS
) -> np.ndarray:
  trip = round_trip.RoundTrip(encoder)

  @tf.function(autograph=False)
  def run(x):
    return tf.map_fn(
      lambda args: trip._round_trip(*args)[1],
      (x, tf.range(len(vectors))),
      fn_output_signature=tf.float32,
    )

  return run(vectors).numpy()


class ContractiveEncodersTest(parameterized.TestCase, tf.test.TestCase):
  @parameterized.named_parameters(
    ('eden_1', lambda: _sketch(bits=1)),
    ('eden_2', lambda: _sketch(bits=2)),
    ('eden_2_subsampled', lambda: _sketch(bits=2, fraction=0.125)),
    (
      'eden_2_subsampled_of_client_rotations',
      lambda: _sketch(bits=2, fraction=0.125, shared_rotation=False),
    ),
    (
      'uniform_1',
      lambda: _sketch(bits=1, quantizer='uniform', rotation=False),
    ),
    ('uniform_16', lambda: _sketch(bits=16, quantizer='uniform')),
    ('top_k', lambda: _sparse(fraction=0.1)),
    ('hierarchical_2', lambda: _sparse(fraction=0.1, bits=2)),
    ('hierarchical_16', lambda: _sparse(fraction=1.0, bits=16)),
    ('ternary_clipped', lambda: _ternary(clip_factor=2.5)),
  )
  def test_no_decoded_value_is_longer(self, build_encoder):
    decoded = _decode_all(build_encoder())
    self.assertEqual(decoded.shape, _VECTORS.shape)
    longer = _norm(decoded) > _norm(_VECTORS)
    self.assertFalse(longer.any(), f'{longer.sum()} of {len(longer)}')
    # Not by sending nothing.
    kept = _norm(decoded)[:1000] / _norm(_VECTORS[:1000])
    self.assertGreater(kept.mean(), 0.2)

  @parameterized.product(
    # 130 is rotated in windows, 128 by one matrix.
    length=[1, 3, 128, 130],
    build_encoder=[
      functools.partial(_sketch, bits=1),
      functools.partial(_sketch, bits=3),
      functools.partial(_sketch, bits=16),
      functools.partial(_sketch, bits=None, fraction=0.125),
      functools.partial(_sketch, bits=None, fraction=0.5, rotation=False),
      functools.partial(_sketch, bits=4, quantizer='uniform'),
      functools.partial(_sparse, fraction=0.5, bits=3),
      _ternary,
    ],
  )
  def test_no_decoded_value_of_other_lengths_is_longer(
    self, length, build_encoder
  ):
    vectors = _vectors(200, length)
    decoded = _decode_all(build_encoder(length), vectors)
    longer = _norm(decoded) > _norm(vectors)
    self.assertFalse(longer.any(), f'{longer.sum()} of {len(longer)}')
    self.assertGreater(_norm(decoded).max(), 0.0)

  def test_unbiased_encoders_lengthen(self):
    spec = tf.TensorSpec([_LENGTH], tf.float32)
    options = options_lib.SketchOptions(bits=1, fraction=0.125)
    encoder = encoders.sketch_encoder(spec, options, (0,))
    longer = _norm(_decode_all(encoder)) > 2.0 * _norm(_VECTORS)
    self.assertGreater(longer.mean(), 0.5)

  def test_an_unknown_scale_is_refused(self):
    for build in (
      lambda: encoders.EdenQuantizationStage(2, scale='short'),
      lambda: encoders.HierarchicalQuantizationStage(2, scale='short'),
      lambda: encoders.RotationStage((0,), scale='short'),
      lambda: encoders.SubsamplingStage(0.5, (0,), scale='short'),
      lambda: encoders.TernaryQuantizationStage((0,), scale='short'),
      lambda: encoders.UniformQuantizationStage(2, (0,), scale='short'),
    ):
      with self.assertRaisesRegex(ValueError, "scale to be one of .*'short'"):
        build()
