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

from absl.testing import parameterized
import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tasks import preprocessing

_NUM_EXAMPLES = 12


def _decode(examples):
  return 10 * examples, -examples


def _train_labels(seed=0, **kwargs):
  """Returns the batches of labels of a client with examples 0 to 11."""
  spec = tff.simulation.baselines.ClientSpec(
    **{
      'num_epochs': 1,
      'batch_size': 5,
      'shuffle_buffer_size': _NUM_EXAMPLES,
      **kwargs,
    }
  )
  preprocess_fn = preprocessing.build_train_preprocess_fn(spec, _decode, seed)
  batches = preprocess_fn(tf.data.Dataset.range(_NUM_EXAMPLES))
  return [-y.numpy() for _, y in batches]


def _serialize(image, label):
  features = {
    'image': tf.train.Feature(
      bytes_list=tf.train.BytesList(value=[image.tobytes()])
    ),
    'label': tf.train.Feature(int64_list=tf.train.Int64List(value=[label])),
  }
  return tf.train.Example(
    features=tf.train.Features(feature=features)
  ).SerializeToString()


class TrainPreprocessTest(tf.test.TestCase, parameterized.TestCase):
  def test_epochs_have_all_examples_in_different_orders(self):
    labels = np.concatenate(_train_labels(num_epochs=3))
    epochs = labels.reshape(3, _NUM_EXAMPLES)
    self.assertAllEqual(
      np.sort(epochs, axis=1), 3 * [list(range(_NUM_EXAMPLES))]
    )
    self.assertLen({tuple(epoch) for epoch in epochs}, 3)

  @parameterized.parameters((None, [5, 5, 5, 5, 4]), (13, [5, 5, 3]))
  def test_limit_counts_examples_of_all_epochs(self, limit, sizes):
    batches = _train_labels(num_epochs=2, max_elements=limit)
    self.assertEqual([len(batch) for batch in batches], sizes)

  def test_order_follows_from_the_seed(self):
    tf.random.set_seed(7)
    first, again, other = (
      np.concatenate(_train_labels(seed)) for seed in (3, 3, 4)
    )
    self.assertAllEqual(first, again)
    self.assertNotAllEqual(first, other)


class EvalPreprocessTest(tf.test.TestCase):
  def test_keeps_the_order(self):
    preprocess_fn = preprocessing.build_eval_preprocess_fn(_decode)
    batches = list(preprocess_fn(tf.data.Dataset.range(600)))
    self.assertEqual([len(x) for x, _ in batches], [250, 250, 100])
    x, y = (np.concatenate(a) for a in zip(*batches, strict=True))
    self.assertAllEqual(x, 10 * np.arange(600))
    self.assertAllEqual(y, -np.arange(600))


class ImageFormatTest(tf.test.TestCase):
  def test_standardizes_each_channel(self):
    rng = np.random.default_rng(0)
    images = rng.integers(256, size=(3, 4, 5, 2), dtype=np.uint8)
    serialized = [
      _serialize(x, y) for x, y in zip(images, [7, 0, 300], strict=True)
    ]
    image_format = preprocessing.ImageFormat(
      (4, 5, 2), mean=(100.0, 20.0), scale=(50.0, 2.0)
    )
    x, y = image_format.decode(tf.constant(serialized))
    self.assertEqual((x.dtype, y.dtype), (tf.float32, tf.int32))
    self.assertAllEqual(y, [7, 0, 300])
    self.assertAllClose(50 * x[..., 0] + 100, images[..., 0].astype(float))
    self.assertAllClose(2 * x[..., 1] + 20, images[..., 1].astype(float))


if __name__ == '__main__':
  tf.test.main()
