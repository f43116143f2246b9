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
"""Registry of the tasks' builders."""

from collections.abc import Callable, Mapping

import tensorflow_federated as tff

from tasks import cache
from tasks import catalog
from tasks import options as options_lib
from tasks import user_tasks
from tasks.bags import bag_tasks
from tasks.folder import folder_task
from tasks.images import character_tasks
from tasks.images import emnist
from tasks.images import image_tasks
from tasks.images import landmarks
from tasks.many_labels import multi_label_tasks
from tasks.text import text_tasks

# Takes name, `data_dir`, cache directory, seed and options, all checked.
_BuildFn = Callable[
  [str, str | None, str, int, options_lib.TaskOptions],
  tff.simulation.baselines.BaselineTask,
]

_BUILDERS: Mapping[str, _BuildFn] = {
  'digits': image_tasks.build_image_task,
  'mnist': image_tasks.build_image_task,
  'cifar10': image_tasks.build_image_task,
  'emnist': emnist.build_emnist_task,
  'omniglot': character_tasks.build_character_task,
  'glyphs': character_tasks.build_character_task,
  'gldv2': landmarks.build_landmarks_task,
  **dict.fromkeys(catalog.TEXT_TASK_NAMES, text_tasks.build_text_task),
  **dict.fromkeys(catalog.BAG_TASK_NAMES, bag_tasks.build_bag_task),
  **dict.fromkeys(
    catalog.MULTI_LABEL_TASK_NAMES, multi_label_tasks.build_multi_label_task
  ),
  'folder': folder_task.build_folder_task,
}


def build_task(
  name: str,
  *,
  data_dir: str | None = None,
  cache_dir: str | None = None,
  seed: int = 0,
  options: options_lib.TaskOptions | None = None,
) -> tff.simulation.baselines.BaselineTask:
  """Builds a task: client data, held-out data, and a model.

  | name | data | clients, by default | weights |
  | --- | --- | --- | --- |
  | `digits` | scikit-learn's, 1,498 examples | 50, non-IID | 151,306 |
  | `mnist` | `data_dir`, 60,000 examples | 100, IID | 843,658 |
  | `cifar10` | `data_dir`, 50,000 examples | 100, IID | 1,369,738 |
  | `emnist` | TFF's, 671,585 examples | 3,400 writers | 870,334 |
  | `omniglot` | `data_dir`, 964 classes | 144 of 20 classes | 150,816 |
  | `glyphs` | matplotlib's fonts, 1,926 classes | 336 of 20 classes | 212,384 |
  | `gldv2` | TFF's, 2,028 classes | 1,262 photographers | 3,163,248 |
  | `irc` | `data_dir`, 192,424 messages | 15,532 users | 1,296,480 |
  | `shakespeare` | `data_dir`, 97,859 lines | 1,346 speakers | 1,296,480 |
  | `python_tokens` | Python's, 67,306 sequences | 652 modules | 1,296,480 |
  | `stackoverflow` | TFF's, 135,818,730 sentences | 342,477 users | 1,296,480 |
  | `tags` | `data_dir`, 4,670 tags of questions | 888 authors | 691,349 |
  | `lastfm` | `data_dir`, 74,286 artists | 1,884 listeners | 2,278,752 |
  | `delicious` | `data_dir`, 983 labels | 10, by classes | 754,983 |
  | `bibtex` | `data_dir`, 159 labels | 10, by classes | 958,959 |
  | `stackex` | `data_dir`, 400 labels | 10, by classes | 552,000 |
  | `xc` | `data_dir`, any number of labels | 10, by classes | varies |
  | `api_calls` | Python packages', 6,161 labels | 10, by classes | 3,431,361 |
  | `identifiers` | packages', 58,074 labels | 10, by classes | 24,248,474 |
  | `folder` | `data_dir`, with a schema | one per file or id | a user's |
  | `module:function` | a user's | a user's | a user's |

  Tasks from `omniglot` to `lastfm` are `tasks.RowTask`s: their models
  have a row for each class. `omniglot` and `glyphs` hold out classes for
  retrieval. Tasks from `irc` to `stackoverflow` predict the next token; their
  classes are the tokens. `tags` and `lastfm` predict an item from a bag of
  ids, which has a table of rows, too. Tasks from `delicious` on are
  `tasks.MultiLabelTask`s: an example has any number of labels, and all examples
  of a frequent class are on one client.

  `datasets.train_data.preprocess(datasets.train_preprocess_fn)` has a
  `dataset_computation` from a client id to the client's batches:
  `(str -> <float32[?,height,width,channels],int32[?]>*)` for images,
  `(str -> <int32[?,20],int32[?,20]>*)` for text, `(str ->
  <<ids=int32[?,?],weights=float32[?,?]>,int32[?]>*)` for bags,
  `(str -> <float32[?,feature_width],int32[?,max_labels]>*)` for multi-label
  data. It reads a file in the cache directory, which workers on other machines
  need under the same path. The same arguments give the same bits: partition,
  order of examples and initial weights all follow from `seed`.

  Pixels are in [0, 1], with 0 for the background (1 in `emnist`, following
  TFF). In `cifar10` each channel has mean 0 and variance 1 over the training
  images; in `gldv2` pixels are in [-1, 1].

  Args:
    name: One of `TASK_NAMES`, or `module:function`: see
      `user_tasks.build_user_task`.
    data_dir: Directory with the files of the task, see `catalog.files`. For
      `emnist`, `gldv2` and `stackoverflow` it may be `None`: TFF then downloads
      the files to the cache directory. `digits`, `glyphs`, `python_tokens`,
      `api_calls` and `identifiers` take none.
    cache_dir: Directory of cached client data. `None` stands for the
      environment variable `TFF_METHODS_CACHE`, or `~/.cache/tff_methods`.
    seed: Seed of all random choices, from 0 to 2^32 - 1.
    options: Options of the task; `None` selects all defaults.

  Returns:
    The task. Its `datasets.test_data` is a `tf.data.Dataset`.

  Raises:
    TypeError: If an argument is of the wrong type.
    ValueError: If the name is unknown, an option is not for this task, or data
      is missing or damaged.
  """
  catalog.check_task(
    name, data_dir=data_dir, cache_dir=cache_dir, seed=seed, options=options
  )
  build = _BUILDERS.get(name, user_tasks.build_user_task)
  return build(
    name,
    data_dir,
    cache.cache_directory(cache_dir),
    seed,
    catalog.resolve_options(name, options),
  )
