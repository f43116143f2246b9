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
r"""Shows the classes that share a SimHash bucket, such as related words.

  python -m programs.index_buckets --task=python_tokens --vocab_size=5000 \
    --weights=/tmp/run/model_weights.npz

After the appendix of Xu et al. (2022), "Adaptive Sparse Federated Learning in
Large Output Spaces via Hashing". Hashes the rows of a trained model into one
table. Prints the buckets whose rows are most similar, by the mean cosine over
all pairs, and the mean cosine over pairs in the same bucket and over all pairs.
Exit codes: 0, 2 for arguments that cannot be used.
"""

from absl import flags

from programs.command_line import common_flags
from programs.command_line import runner
from programs.command_line import slow_imports
from programs.command_line import task_flags
from programs.methods import row_flags
from programs.reports import report_arguments
from programs.runs import saved_weights
from programs.runs import weights_flag
from tasks import catalog

_NUM_SHOWN = flags.DEFINE_integer(
  'num_shown',
  15,
  'Largest number of buckets to show.',
  lower_bound=1,
  upper_bound=common_flags.MAX_INT,
)
_NUM_CLASSES = flags.DEFINE_integer(
  'num_classes',
  1000,
  'Largest number of classes to hash, the first ones: of words, the most '
  'frequent.',
  lower_bound=1,
  upper_bound=common_flags.MAX_INT,
)
_SECTIONS = {
  'Report': (
    weights_flag.WEIGHTS,
    _NUM_CLASSES,
    _NUM_SHOWN,
    row_flags.HASH_BITS,
    row_flags.HASH_TRANSFORM,
  ),
  **report_arguments.TASK_SECTION,
}

# Without a transform, codes of SimHash preserve cosines.
_DEFAULT_BITS, _DEFAULT_TRANSFORM = 8, 'none'


def main() -> int:
  """Prints the buckets; returns the exit code."""
  runner.check_given(task_flags.TASK, weights_flag.WEIGHTS)
  report_arguments.check_task(
    catalog.ROW_TASK_NAMES, 'whose model has a row for each class'
  )
  task_flags.check_flags()
  weights = saved_weights.load(weights_flag.WEIGHTS.value)
  with slow_imports.importing():
    # Imports TensorFlow: only once everything else is checked.
    from programs.reports import hash_buckets

  hash_buckets.report(
    task_flags.build_task(),
    weights,
    num_bits=row_flags.HASH_BITS.value or _DEFAULT_BITS,
    transform=row_flags.HASH_TRANSFORM.value or _DEFAULT_TRANSFORM,
    num_classes=_NUM_CLASSES.value,
    num_shown=_NUM_SHOWN.value,
    seed=task_flags.SEED.value,
  )
  return 0


if __name__ == '__main__':
  runner.run(main, sections=_SECTIONS, defaults=report_arguments.TASK_DEFAULTS)
