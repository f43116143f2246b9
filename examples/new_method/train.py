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
"""`programs.train` with one more method, `--method=sign_update`.

  python -m examples.new_method.train --task=digits --method=sign_update \
    --output_dir=/tmp/run

All that the program does works for the method: checkpoints, evaluation, bytes,
workers. `programs.compare` reports on its runs.
"""

from absl import flags

from examples.new_method import sign_update
from programs.command_line import runner
from programs.methods import base
from programs.methods import method_flags
from programs.methods import registry

_MIN_ELEMENTS = flags.DEFINE_integer(
  'sign_min_elements',
  sign_update.SignOptions.min_elements,
  'Tensors with fewer elements are sent as they are.',
)


def _build(
  task, client_optimizer, server_optimizer, options, downlink, **weighting
):
  return sign_update.build_sign_update_fed_avg(
    task.model_fn,
    client_optimizer,
    server_optimizer,
    options=options,
    model_distributor=downlink,
    **weighting,  # `client_weighting`, if the flag is given.
  )


# Flags and options of the method, and its builder, under the same name.
method_flags.register(
  'sign_update',
  base.MethodFlags(
    (_MIN_ELEMENTS, base.DOWNLINK_BITS),
    lambda seed: sign_update.SignOptions(min_elements=_MIN_ELEMENTS.value),
  ),
)
registry.METHODS['sign_update'] = registry.Method(_build)

if __name__ == '__main__':
  # Only now, since the program lists the methods when it is imported.
  from programs import train

  runner.run(train.main, sections=train.SECTIONS, defaults=train.DEFAULTS)
