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
"""Hashing of many classes to few buckets, and decoding of bucket scores."""

from tff_methods.label_hashing.bucket_counts import num_buckets_for
from tff_methods.label_hashing.bucket_labels import hash_labels
from tff_methods.label_hashing.bucket_labels import PADDING
from tff_methods.label_hashing.bucket_likelihood import BernoulliBuckets
from tff_methods.label_hashing.bucket_likelihood import BucketLikelihood
from tff_methods.label_hashing.bucket_likelihood import CategoricalBuckets
from tff_methods.label_hashing.decoding import class_scores
from tff_methods.label_hashing.decoding import signed_probabilities
from tff_methods.label_hashing.decoding import top_k
from tff_methods.label_hashing.divergence import hashed_distribution
from tff_methods.label_hashing.divergence import kl_divergence
from tff_methods.label_hashing.hash_functions import LabelHash
from tff_methods.label_hashing.hashed_label_model import HashedLabelModel
from tff_methods.label_hashing.hashed_label_model import loss_metrics_fns
from tff_methods.label_hashing.networks import check_network
from tff_methods.label_hashing.networks import DenseNetwork
from tff_methods.label_hashing.networks import Network

__all__ = [
  'BernoulliBuckets',
  'BucketLikelihood',
  'CategoricalBuckets',
  'check_network',
  'class_scores',
  'DenseNetwork',
  'hash_labels',
  'hashed_distribution',
  'HashedLabelModel',
  'kl_divergence',
  'LabelHash',
  'loss_metrics_fns',
  'Network',
  'num_buckets_for',
  'PADDING',
  'signed_probabilities',
  'top_k',
]
