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
"""Client works, distributors, composers, finalizers of learning processes."""

# pylint: disable=g-importing-member
from tff_methods.templates.client_optimizers import add_proximal_term
from tff_methods.templates.client_optimizers import clip_gradients
from tff_methods.templates.client_state_process import ClientStateProcess
from tff_methods.templates.client_state_process import ClientStateProcessOutput
from tff_methods.templates.client_state_process import (
  compose_client_state_process,
)
from tff_methods.templates.client_state_process import WarmUp
from tff_methods.templates.delta_downlink_process import (
  build_delta_downlink_fed_avg,
)
from tff_methods.templates.delta_downlink_process import DeltaDownlinkProcess
from tff_methods.templates.error_feedback_process import (
  build_error_feedback_fed_avg,
)
from tff_methods.templates.error_feedback_process import (
  build_error_feedback_process,
)
from tff_methods.templates.index_client import IndexClient
from tff_methods.templates.index_client import RowBudget
from tff_methods.templates.index_distributor import build_index_distributor
from tff_methods.templates.local_model import describe
from tff_methods.templates.local_model import Description
from tff_methods.templates.local_model import Model
from tff_methods.templates.row_distributor import (
  build_class_sampling_distributor,
)
from tff_methods.templates.row_distributor import RowDistributionProcess
from tff_methods.templates.row_retrieval import build_row_retrieval
from tff_methods.templates.select_process import compose_select_process
from tff_methods.templates.select_process import SelectProcess
from tff_methods.templates.sketched_distributor import build_model_distributor
from tff_methods.templates.sketched_distributor import model_weights_type
from tff_methods.templates.sketched_distributor import ModelDistributor
from tff_methods.templates.sketched_distributor import (
  sketched_model_distributor,
)
from tff_methods.templates.spreadout_finalizer import build_spreadout_finalizer
from tff_methods.templates.structured_update_client_work import (
  build_structured_update_client_work,
)

__all__ = [
  'add_proximal_term',
  'build_class_sampling_distributor',
  'build_delta_downlink_fed_avg',
  'build_error_feedback_fed_avg',
  'build_error_feedback_process',
  'build_index_distributor',
  'build_model_distributor',
  'build_row_retrieval',
  'build_spreadout_finalizer',
  'build_structured_update_client_work',
  'clip_gradients',
  'ClientStateProcess',
  'ClientStateProcessOutput',
  'compose_client_state_process',
  'compose_select_process',
  'DeltaDownlinkProcess',
  'describe',
  'Description',
  'IndexClient',
  'Model',
  'model_weights_type',
  'ModelDistributor',
  'RowBudget',
  'RowDistributionProcess',
  'SelectProcess',
  'sketched_model_distributor',
  'WarmUp',
]
