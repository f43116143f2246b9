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

import dataclasses
import subprocess
import sys

from absl.testing import absltest
from absl.testing import parameterized
import numpy as np

from tff_methods import options as options_lib

# Each kind of options with the arguments that it requires.
_OPTIONS = (
  (options_lib.SketchOptions, {}),
  (
    options_lib.DpSketchOptions,
    {'noise_multiplier': 1.0, 'clients_per_round': 10},
  ),
  (
    options_lib.NoiseOptions,
    {'noise_multiplier': 1.0, 'clients_per_round': 10},
  ),
  (
    options_lib.SecureSketchOptions,
    {'clip': 1.0, 'clients_per_round': 10},
  ),
  (options_lib.DownlinkOptions, {}),
  (options_lib.DeltaDownlinkOptions, {}),
  (options_lib.SparseOptions, {'fraction': 0.1}),
  (options_lib.DhqcOptions, {}),
  (options_lib.DgcOptions, {}),
  (options_lib.StructuredUpdateOptions, {}),
  (options_lib.RandomMaskOptions, {'fraction': 0.1}),
  (options_lib.LowRankOptions, {'rank': 2}),
  (options_lib.TernGradOptions, {}),
  (options_lib.CountSketchOptions, {}),
  (options_lib.QsgdOptions, {}),
  (options_lib.EfSignOptions, {}),
  (options_lib.FedSsOptions, {'num_sampled_classes': 10}),
  (options_lib.LshSelectOptions, {}),
  (options_lib.RandomnessOptions, {}),
)


class OptionsTest(parameterized.TestCase):
  def test_all_options_are_tested_here(self):
    exported = {n for n in options_lib.__all__ if n.endswith('Options')}
    self.assertEqual(exported, {c.__name__ for c, _ in _OPTIONS})

  @parameterized.parameters(*_OPTIONS)
  def test_options_are_frozen_values(self, options_class, kwargs):
    options = options_class(**kwargs)
    self.assertEqual(options, options_class(**kwargs))
    self.assertEqual(hash(options), hash(options_class(**kwargs)))
    field = dataclasses.fields(options)[0].name
    with self.assertRaises(dataclasses.FrozenInstanceError):
      setattr(options, field, getattr(options, field))

  @parameterized.parameters(*_OPTIONS)
  def test_positional_arguments_raise(self, options_class, kwargs):
    with self.assertRaisesRegex(TypeError, 'positional argument'):
      options_class(*(kwargs.values() or [1]))

  @parameterized.parameters(*_OPTIONS)
  def test_numpy_scalars_are_those_of_python(self, options_class, kwargs):
    options = options_class(**kwargs)
    expected = dataclasses.asdict(options)
    arguments = {
      name: value if value is None else np.array(value)[()]
      for name, value in expected.items()
      if not isinstance(value, tuple)
    }
    found = options_class(**arguments)
    self.assertEqual(found, options)
    self.assertEqual(
      {name: type(x) for name, x in dataclasses.asdict(found).items()},
      {name: type(x) for name, x in expected.items()},
    )

  @parameterized.parameters(*_OPTIONS)
  def test_wrong_types_raise_one_line(self, options_class, kwargs):
    num_fields = 0
    for field in dataclasses.fields(options_class):
      # NaN, and what is no number, truth value or choice.
      for value in (float('nan'), ['x'], {}, 1j):
        with self.assertRaises((TypeError, ValueError), msg=field) as raised:
          options_class(**{**kwargs, field.name: value})
        self.assertRegex(str(raised.exception), '^Expected [^\n]*, found')
      num_fields += 1
    self.assertGreater(num_fields, 1)

  @parameterized.parameters(
    (options_lib.DpSketchOptions, {'noise_multiplier': 1.0}),
    (options_lib.SecureSketchOptions, {}),
  )
  def test_clips_are_those_of_float32(self, options_class, kwargs):
    for clip in (1e39, 1e-46):
      with self.assertRaisesRegex(ValueError, 'clip from .*float32, found'):
        options_class(clip=clip, clients_per_round=10, **kwargs)

  def test_small_integers_do_not_overflow(self):
    options = options_lib.SketchOptions(
      bits=np.int8(8), base_seed=np.int64(-3), min_elements=np.uint8(255)
    )
    self.assertEqual(2**options.bits, 256)
    self.assertEqual(options.base_seed % 2**256, 2**256 - 3)
    self.assertEqual(options.min_elements + 1, 256)

  def test_import_does_not_import_tensorflow(self):
    script = (
      'import sys; from tff_methods import options; '
      "print(sorted({'tensorflow', 'tensorflow_federated'} & set(sys.modules)))"
    )
    output = subprocess.run(
      [sys.executable, '-c', script],
      env={'PYTHONPATH': ':'.join(sys.path)},
      check=True,
      capture_output=True,
      text=True,
    ).stdout
    self.assertEqual(output, '[]\n')


if __name__ == '__main__':
  absltest.main()
