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
"""Export of trained models, for programs without this package and TFF."""

from collections.abc import Callable, Generator, Iterator, Mapping
import contextlib
import itertools
import os
import shutil
import sys
from typing import Any

import tensorflow as tf
import tensorflow_federated as tff

from programs.runs import export_directory
from programs.runs import run_files
from programs.runs import run_store
from programs.training import evaluation
import tasks
from tasks import serving as serving_lib

SAVED_MODEL = export_directory.SAVED_MODEL
KERAS_MODEL = export_directory.KERAS_MODEL
_CLASS_NAMES = 'class_names'
_SIGNATURE = tf.saved_model.DEFAULT_SERVING_SIGNATURE_DEF_KEY


class NotExportableError(Exception):
  """A model that TensorFlow cannot save; the message is one line."""

  def __init__(self, error: Exception):
    """Initializes the error with its cause."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if not lines:
      lines = [type(error).__name__]
    # Errors in traced functions begin with a traceback.
    found = lines[-1] if lines[0] == 'in user code:' else lines[0]
    super().__init__(
      f'Expected a model that TensorFlow can save, found: {found}; its weights '
      'are in the .npz files.'
    )


class ModelExport:
  """Exporter of a model, as a SavedModel and, if possible, as a Keras file.

  The SavedModel has the signature `serving_default`, with the inputs and
  outputs of `tasks.Serving`: it contains the preprocessing, and the decoding of
  the predictions. For tasks whose classes have names, its signature
  `class_names` returns them, `string[n]`.
  """

  def __init__(
    self,
    task: tff.simulation.baselines.BaselineTask,
    model: tff.learning.models.VariableModel,
    outputs: Callable[[Any], Mapping[str, tf.Tensor]] | None = None,
  ):
    """Traces the model.

    Args:
      task: Task of the model.
      model: The model, before graphs that TFF builds: Keras refuses to trace a
        model after them.
      outputs: Function of the predictions to named outputs. Default: that of
        the task.

    Raises:
      NotExportableError: If the model cannot be traced.
    """
    serving = serving_lib.serving_of(task)
    self._model = model
    self._keras_model_fn = serving.keras_model_fn
    self._module = tf.Module()
    # The exported functions capture the variables, which have to be tracked.
    self._module.weights = [
      *model.trainable_variables,
      *model.non_trainable_variables,
    ]
    self._module.resources = list(_resources(model))
    with _of_any_model():
      self._signatures = {
        _SIGNATURE: _trace(model, serving, outputs or serving.outputs)
      }
    if isinstance(task, tasks.RowTask) and task.class_names is not None:
      self._signatures[_CLASS_NAMES] = _trace_class_names(task.class_names)

  def write(
    self, weights: tff.learning.models.ModelWeights, directory: str
  ) -> list[str]:
    """Writes the model, replacing that of an earlier export.

    Files appear under their names once they are complete.

    Args:
      weights: Weights of the model.
      directory: Directory of the files; created if missing.

    Returns:
      Paths of the written `saved_model`, a directory, and `model.keras`
      unless layers of the model are not Keras' own.

    Raises:
      NotExportableError: If the model cannot be saved.
      StorageError: If a file cannot be written.
    """
    evaluation.assign_weights(weights, self._model)
    path = os.path.join(directory, SAVED_MODEL)
    keras_path = os.path.join(directory, KERAS_MODEL)
    temporary_path = path + run_files.TEMPORARY_SUFFIX
    with run_store.writing(path):
      os.makedirs(directory, exist_ok=True)
      shutil.rmtree(temporary_path, ignore_errors=True)
      with _of_any_model():
        tf.saved_model.save(self._module, temporary_path, self._signatures)
      _replace_directory(temporary_path, path)
      # Of an earlier export, with other weights.
      if os.path.exists(keras_path):
        os.remove(keras_path)
    with _of_any_model():
      keras_model = self._build_keras_model()
    if keras_model is None:
      return [path]
    with run_store.writing(keras_path):
      is_written = _write_keras_model(keras_model, keras_path)
    return [path, keras_path] if is_written else [path]

  def _build_keras_model(self) -> tf.keras.Model | None:
    """Builds a Keras model with the weights, `None` if Keras cannot load it."""
    if self._keras_model_fn is None:
      return None
    model = self._keras_model_fn()
    if not all(map(_is_of_keras, (model, *model.submodules))):
      return None
    pairs = list(
      itertools.zip_longest(
        [*model.trainable_variables, *model.non_trainable_variables],
        self._module.weights,
      )
    )
    # Methods may train the model in another form, such as one with rows.
    if any(a is None or b is None or a.shape != b.shape for a, b in pairs):
      return None
    for target, source in pairs:
      target.assign(source)
    return model


def _replace_directory(source: str, target: str) -> None:
  """Renames a directory, in place of an earlier one."""
  earlier = f'{target}.earlier{run_files.TEMPORARY_SUFFIX}'
  shutil.rmtree(earlier, ignore_errors=True)
  if os.path.lexists(target):
    os.replace(target, earlier)
  os.replace(source, target)
  shutil.rmtree(earlier, ignore_errors=True)


def _write_keras_model(model: tf.keras.Model, path: str) -> bool:
  """Writes a model; returns false, without a file, if Keras cannot load it."""
  # In a directory: Keras looks at the end of the name.
  directory = path + run_files.TEMPORARY_SUFFIX
  os.makedirs(directory, exist_ok=True)
  try:
    temporary_path = os.path.join(directory, KERAS_MODEL)
    model.save(temporary_path)
    # Functions and classes of users are found only when a file is loaded.
    tf.keras.models.load_model(temporary_path, compile=False)
    os.replace(temporary_path, path)
  except (OSError, tf.errors.OpError):
    raise
  except Exception:  # pylint: disable=broad-exception-caught
    return False
  finally:
    shutil.rmtree(directory, ignore_errors=True)
  return True


def _resources(model: tff.learning.models.VariableModel) -> Iterator[Any]:
  """Yields the tables, such as vocabularies, of the layers of a model."""
  for part in vars(model).values():
    if isinstance(part, tf.Module):
      for layer in (part, *part.submodules):
        for value in vars(layer).values():
          if isinstance(value, tf.saved_model.experimental.TrackableResource):
            yield value


def saved_class_names(directory: str) -> tuple[str, ...] | None:
  """Returns the names of the classes of an exported model.

  Args:
    directory: Directory of the files.

  Returns:
    The names; `None` if there is no model, or its classes have none.
  """
  path = os.path.join(directory, SAVED_MODEL)
  if not tf.saved_model.contains_saved_model(path):
    return None
  signatures = tf.saved_model.load(path).signatures
  if _CLASS_NAMES not in signatures:
    return None
  names = signatures[_CLASS_NAMES]()[_CLASS_NAMES]
  return tuple(name.decode() for name in names.numpy().tolist())


def build_or_report(
  task: tff.simulation.baselines.BaselineTask,
  model: tff.learning.models.VariableModel,
  outputs: Callable[[Any], Mapping[str, tf.Tensor]] | None,
) -> ModelExport | None:
  """Returns the exporter; reports a model that cannot be saved.

  Args:
    task: See `ModelExport`.
    model: See `ModelExport`.
    outputs: See `ModelExport`.
  """
  try:
    return ModelExport(task, model, outputs)
  except NotExportableError as e:
    print(f'train: {e}', file=sys.stderr)
    return None


def write_or_report(
  export: ModelExport | None,
  weights: tff.learning.models.ModelWeights,
  directory: str,
) -> None:
  """Writes the model, if there is an exporter; reports one that it cannot save.

  Args:
    export: From `build_or_report`.
    weights: Weights of the model.
    directory: Directory of the files.
  """
  if export is not None:
    try:
      export.write(weights, directory)
    except NotExportableError as e:
      print(f'train: {e}', file=sys.stderr)


@contextlib.contextmanager
def _of_any_model() -> Generator[None, None, None]:
  """Turns errors, other than those of files, into `NotExportableError`."""
  try:
    yield
  except (OSError, tf.errors.OpError):
    raise
  except Exception as e:  # Models of users raise what they like.
    raise NotExportableError(e) from e


def _trace(
  model: tff.learning.models.VariableModel,
  serving: tasks.Serving,
  outputs: Callable[[Any], Mapping[str, tf.Tensor]],
) -> tf.types.experimental.ConcreteFunction:
  """Traces the function from the inputs of a request to its outputs."""

  @tf.function
  def serve(**inputs):
    # In the order of `serving`, not of the names.
    x = serving.preprocess(**{name: inputs[name] for name in serving.inputs})
    return dict(outputs(model.predict_on_batch(x, training=False)))

  return serve.get_concrete_function(
    **{
      name: tf.TensorSpec(spec.shape, spec.dtype, name)
      for name, spec in serving.inputs.items()
    }
  )


def _trace_class_names(
  class_names: tuple[str, ...],
) -> tf.types.experimental.ConcreteFunction:
  return tf.function(
    lambda: {_CLASS_NAMES: tf.constant(class_names)}
  ).get_concrete_function()


def _is_of_keras(layer: object) -> bool:
  return type(layer).__module__.partition('.')[0] == 'keras' or not isinstance(
    layer, tf.keras.layers.Layer
  )
