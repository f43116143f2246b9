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
"""Labels of buckets, from labels of classes.

Dai et al. (2021), "Federated Multiple Label Hashing (FedMLH)", algorithm 2,
lines 4 to 7.

Labels are sparse throughout: those of an example are a row of `int32[batch,
L]`, its classes in any order, then `PADDING` up to the width L. TFF accepts
such tensors everywhere, ragged and sparse ones in few places. (A ragged tensor
is converted by `labels.to_tensor(default_value=PADDING)`.)
"""

import tensorflow as tf

from tff_methods.label_hashing import hash_functions

# Label that fills the width of examples with fewer labels.
PADDING = -1


def hash_labels(
  labels: tf.Tensor, label_hash: hash_functions.LabelHash
) -> tf.Tensor:
  """Returns the buckets of each example's classes, in each table.

  The label of a bucket is the union of those of its classes: it is returned
  once, however many of the example's classes it has. The cost grows with the
  number of labels, not with that of classes.

  Args:
    labels: `int[..., L]`, each example's classes, and `PADDING`. A label that
      is neither raises an `InvalidArgumentError` at run time.
    label_hash: Hash functions from classes to buckets.

  Returns:
    `int32[R, ..., L]`, each example's distinct buckets, descending, with
    `PADDING` among and after them.

  Raises:
    TypeError: If labels are not a dense tensor, or not integers.
    ValueError: If labels have no axis L.
  """
  if not isinstance(labels, tf.Tensor):
    raise TypeError(
      f'Expected labels to be a tf.Tensor, found {type(labels).__name__}: make '
      f'it dense, with {PADDING} where an example has fewer labels.'
    )
  if not labels.dtype.is_integer:
    raise TypeError(
      f'Expected labels of an integer dtype, found {labels.dtype.name}: give '
      'classes, not one bit for each of them.'
    )
  if labels.shape.rank == 0:
    raise ValueError(
      'Expected labels of shape [..., L], found []: give an example of one '
      'label an axis of size 1.'
    )
  labels = _check_labels(tf.cast(labels, tf.int64), label_hash.num_classes)
  buckets = tf.where(tf.equal(labels, PADDING), PADDING, label_hash(labels))
  return _pad_duplicates(buckets)


def _pad_duplicates(buckets: tf.Tensor) -> tf.Tensor:
  """Sorts the last axis, and pads all but the first of equal elements."""
  buckets = tf.sort(buckets, axis=-1, direction='DESCENDING')
  is_first = tf.not_equal(buckets[..., 1:], buckets[..., :-1])
  is_first = tf.concat([tf.ones_like(buckets[..., :1], tf.bool), is_first], -1)
  return tf.where(is_first, buckets, PADDING)


def _check_labels(labels: tf.Tensor, num_classes: int) -> tf.Tensor:
  """Returns the labels, checked at run time."""
  is_label = (labels >= PADDING) & (labels < num_classes)
  check = tf.debugging.Assert(
    tf.reduce_all(is_label),
    [
      f'Expected labels of at least 0 and below {num_classes}, the number of '
      f'classes that are hashed, or {PADDING} for padding, found',
      tf.boolean_mask(labels, ~is_label),
      ': leave such labels out, or hash more classes.',
    ],
  )
  with tf.control_dependencies([check]):
    return tf.identity(labels)
