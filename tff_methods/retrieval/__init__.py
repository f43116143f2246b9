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
"""Row indexes, row selection and class sampling."""

# pylint: disable=g-importing-member
from tff_methods.retrieval.class_sampling import distinct_classes
from tff_methods.retrieval.class_sampling import sample_candidates
from tff_methods.retrieval.inner_products import largest_inner_products
from tff_methods.retrieval.ivf_pq import IvfPq
from tff_methods.retrieval.needed_rows import largest_number_of_rows
from tff_methods.retrieval.product_quantization import ProductQuantization
from tff_methods.retrieval.row_index import BuiltIndex
from tff_methods.retrieval.row_index import ExactRows
from tff_methods.retrieval.row_index import Queries
from tff_methods.retrieval.row_index import RandomRows
from tff_methods.retrieval.row_index import RowIndex
from tff_methods.retrieval.row_index import ScoredRows
from tff_methods.retrieval.row_selection import defer_classes
from tff_methods.retrieval.row_selection import requested_keys
from tff_methods.retrieval.row_selection import select_by_activation
from tff_methods.retrieval.row_selection import select_candidates
from tff_methods.retrieval.simhash import SimHash

__all__ = [
  'BuiltIndex',
  'defer_classes',
  'distinct_classes',
  'ExactRows',
  'IvfPq',
  'largest_inner_products',
  'largest_number_of_rows',
  'ProductQuantization',
  'Queries',
  'RandomRows',
  'requested_keys',
  'RowIndex',
  'sample_candidates',
  'ScoredRows',
  'select_by_activation',
  'select_candidates',
  'SimHash',
]
