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
"""Aggregators: `tff.aggregators` factories of encoded updates."""

# pylint: disable=g-importing-member
from tff_methods.aggregators.count_sketched import count_sketch_aggregator
from tff_methods.aggregators.dp_sketched import dp_sketched_aggregator
from tff_methods.aggregators.dp_structured_update import (
  DpStructuredUpdateFactory,
)
from tff_methods.aggregators.encoded_sum import EncodedSumFactory
from tff_methods.aggregators.error_feedback import ErrorFeedback
from tff_methods.aggregators.error_feedback import MomentumCorrection
from tff_methods.aggregators.error_feedback import ResidualFeedback
from tff_methods.aggregators.error_feedback_mean import ClientStateAggregation
from tff_methods.aggregators.error_feedback_mean import ClientStateOutput
from tff_methods.aggregators.error_feedback_mean import ErrorFeedbackMeanFactory
from tff_methods.aggregators.qsgd_update import qsgd_aggregator
from tff_methods.aggregators.row_model_update import RowModelUpdateFactory
from tff_methods.aggregators.secure_sketched import secure_sketched_aggregator
from tff_methods.aggregators.secure_sketched import secure_sum_noise
from tff_methods.aggregators.secure_sketched import SecureSumNoise
from tff_methods.aggregators.selected_rows import selected_rows_aggregator
from tff_methods.aggregators.sketched_rows import sketched_rows_aggregator
from tff_methods.aggregators.sketched_update import sketched_update_aggregator
from tff_methods.aggregators.sparse_update import (
  hierarchical_quantization_aggregator,
)
from tff_methods.aggregators.sparse_update import top_k_aggregator
from tff_methods.aggregators.structured_update import StructuredUpdateFactory
from tff_methods.aggregators.ternary_update import ternary_aggregator

__all__ = [
  'ClientStateAggregation',
  'ClientStateOutput',
  'count_sketch_aggregator',
  'dp_sketched_aggregator',
  'DpStructuredUpdateFactory',
  'EncodedSumFactory',
  'ErrorFeedback',
  'ErrorFeedbackMeanFactory',
  'hierarchical_quantization_aggregator',
  'MomentumCorrection',
  'qsgd_aggregator',
  'ResidualFeedback',
  'RowModelUpdateFactory',
  'secure_sketched_aggregator',
  'secure_sum_noise',
  'SecureSumNoise',
  'selected_rows_aggregator',
  'sketched_rows_aggregator',
  'sketched_update_aggregator',
  'StructuredUpdateFactory',
  'ternary_aggregator',
  'top_k_aggregator',
]
