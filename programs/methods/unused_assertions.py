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
"""Assertions that TFF drops while it builds secure sums."""

from collections.abc import Generator
import contextlib
import logging


@contextlib.contextmanager
def hidden() -> Generator[None, None, None]:
  """Drops, within a context, what TensorFlow logs about unused assertions.

  `tff.learning.metrics.secure_sum_then_finalize` and `tff.aggregators` that
  sum quantized values securely assert that the lower bound of a value is at
  most its upper one, and drop the assertion. TensorFlow logs an error with a
  stack trace for each. All other records are kept.
  """
  # That of TensorFlow, which it has no public name for.
  logger = logging.getLogger('tensorflow')
  logger.addFilter(_is_no_unused_assertion)
  try:
    yield
  finally:
    logger.removeFilter(_is_no_unused_assertion)


def _is_no_unused_assertion(record: logging.LogRecord) -> bool:
  message = record.getMessage()
  return not (
    'Object was never used' in message
    and "<tf.Operation 'assert_less_equal" in message
  )
