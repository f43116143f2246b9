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
"""Tests for bucket_labels."""

from absl.testing import parameterized
import numpy as np
import tensorflow as tf

from tff_methods import label_hashing

_PADDING = label_hashing.PADDING


def _random_labels(rng, shape, num_classes):
  """Returns labels with padding at random places."""
  labels = rng.integers(num_classes, size=shape)
  return np.where(rng.random(shape) < 0.3, _PADDING, labels)


class HashLabelsTest(parameterized.TestCase, tf.test.TestCase):
  @parameterized.named_parameters(
    ('batch', [20, 6], 3),
    ('many_labels_in_few_buckets', [5, 40], 2),
    ('one_label', [7, 1], 3),
    ('one_example', [9], 2),
    ('more_axes', [3, 4, 5], 2),
  )
  def test_buckets_are_the_union_of_labels(self, shape, num_tables):
    label_hash = label_hashing.LabelHash.draw(50, num_tables, 8, 3)
    labels = _random_labels(np.random.default_rng(1), shape, 50)
    found = label_hashing.hash_labels(tf.constant(labels), label_hash).numpy()
    self.assertEqual(found.shape, (num_tables, *shape))
    table = label_hash.buckets()
    for position in np.ndindex(num_tables, *shape[:-1]):
      r, example = position[0], position[1:]
      expected = {table[r, c] for c in labels[example] if c != _PADDING}
      # Distinct, so that sums over them count no bucket twice.
      self.assertCountEqual(
        [b for b in found[position] if b != _PADDING], expected
      )

  def test_buckets_are_descending(self):
    labels = tf.constant([[3, -1, 0, 5, 3], [-1, -1, -1, -1, -1]])
    found = label_hashing.hash_labels(
      labels, label_hashing.LabelHash.identity(6)
    )
    self.assertAllEqual(found, [[[5, 3, -1, 0, -1], [-1] * 5]])

  @parameterized.parameters(tf.int64, tf.int16, tf.uint8)
  def test_integer_dtypes(self, dtype):
    label_hash = label_hashing.LabelHash.draw(50, 2, 8, 3)
    labels = np.array([[3, 44], [0, 7]])
    found = label_hashing.hash_labels(tf.constant(labels, dtype), label_hash)
    self.assertEqual(found.dtype, tf.int32)
    self.assertAllEqual(
      found, label_hashing.hash_labels(tf.constant(labels), label_hash)
    )

  @parameterized.parameters([[0, 4]], [[3, 0]])
  def test_no_labels(self, shape):
    label_hash = label_hashing.LabelHash.draw(50, 2, 8, 3)
    found = label_hashing.hash_labels(tf.zeros(shape, tf.int32), label_hash)
    self.assertEqual(found.shape, [2, *shape])

  def test_ragged_labels_as_documented(self):
    ragged = tf.ragged.constant([[3, 1], [], [4]], dtype=tf.int32)
    found = label_hashing.hash_labels(
      ragged.to_tensor(default_value=_PADDING),
      label_hashing.LabelHash.identity(5),
    )
    self.assertAllEqual(found, [[[3, 1], [-1, -1], [4, -1]]])

  def test_no_tensor_is_as_large_as_the_number_of_classes(self):
    label_hash = label_hashing.LabelHash.draw(100_003, 2, 50, 3)
    traced = tf.function(
      lambda labels: label_hashing.hash_labels(labels, label_hash)
    ).get_concrete_function(tf.TensorSpec([4, 6], tf.int32))
    sizes = [
      tensor.shape.num_elements()
      for op in traced.graph.get_operations()
      for tensor in op.outputs
    ]
    # Masks of the check have no static size, but that of labels.
    self.assertLessEqual(max(s for s in sizes if s is not None), 2 * 4 * 6)
    self.assertAllEqual(traced.structured_outputs.shape, [2, 4, 6])

  @parameterized.named_parameters(
    ('high', 12, tf.int32),
    ('negative', -2, tf.int32),
    ('beyond_int32', 2**32, tf.int64),
  )
  def test_label_out_of_range(self, label, dtype):
    labels = tf.constant([[0, -1], [label, 11]], dtype)
    label_hash = label_hashing.LabelHash.draw(12, 2, 4, 0)
    for hash_fn in (
      label_hashing.hash_labels,
      tf.function(label_hashing.hash_labels),
    ):
      with self.assertRaisesRegex(
        tf.errors.InvalidArgumentError,
        rf'(?s)at least 0 and below 12.*or -1 for padding, found\W+{label}\D'
        '.*leave such',
      ):
        hash_fn(labels, label_hash)

  @parameterized.named_parameters(
    ('multi_hot', tf.constant([[0.0, 1.0]]), 'integer dtype, found float32'),
    ('bits', tf.constant([[True]]), 'integer dtype, found bool'),
    ('ragged', tf.ragged.constant([[1], []]), 'tf.Tensor, found RaggedTensor'),
    ('sparse', tf.sparse.eye(3), 'tf.Tensor, found SparseTensor'),
  )
  def test_type_error(self, labels, message):
    with self.assertRaisesRegex(TypeError, message):
      label_hashing.hash_labels(labels, label_hashing.LabelHash.identity(5))

  def test_scalar(self):
    with self.assertRaisesRegex(ValueError, r'shape \[..., L\], found \[\]'):
      label_hashing.hash_labels(
        tf.constant(3), label_hashing.LabelHash.identity(5)
      )


if __name__ == '__main__':
  tf.test.main()
