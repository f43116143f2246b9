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
"""Tests for bag_sources."""

import os
import tempfile

from absl.testing import absltest
from absl.testing import parameterized
import numpy as np

from tasks.bags import bag_sources
from tests.tasks import data_files


class BagSourcesTest(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    self.dir = self.enterContext(tempfile.TemporaryDirectory())

  def test_questions_are_bags_of_words_with_each_of_their_tags(self):
    data_files.write_posts(self.dir)
    bags = bag_sources.tags(self.dir).load()
    # 'beer' is the tag of all questions, and the most frequent word.
    self.assertEqual(bags.item_names[0], 'beer')
    self.assertLen(bags.train, 4)
    first = bags.train['s/0']
    # Two tags of the first question, with the same words.
    self.assertEqual(first[0][0], first[1][0])
    names = [bags.item_names[item] for _, item in first[:2]]
    self.assertEqual(names, ['beer', 'tag0'])
    # Words count once: beer, its number, of, and the author.
    self.assertLen(first[0][0], 4)
    # Answers have no tags; numbers of held-out questions may be unknown.
    num_questions = [len(e) // 2 for e in (*bags.train.values(), bags.test)]
    self.assertEqual(sum(num_questions), 40)
    self.assertBetween(num_questions[-1], 1, 12)
    self.assertEqual(bags.num_ids, 2 + 4 + 10)

  def test_listeners_hold_one_in_five_artists_out(self):
    artists = data_files.write_lastfm(self.dir)
    bags = bag_sources.lastfm(self.dir).load()
    self.assertEqual((bags.num_ids, len(bags.item_names)), (12, 12))
    self.assertLen(bags.train, 5)
    self.assertLen(bags.test, 5 * 2)
    for user, examples in enumerate(bags.train.values()):
      known = {item for _, item in examples}
      self.assertLen(known, 8)
      for ids, item in examples:
        self.assertCountEqual([*ids, item], known)
      for ids, item in bags.test[2 * user : 2 * user + 2]:
        self.assertCountEqual(ids, known)
        self.assertIn(item, set(artists[user]) - known)

  def test_damaged_listeners(self):
    np.savez(
      os.path.join(self.dir, 'lastfm.npz'),
      indptr=np.int64([0, 2]),
      artist=np.int32([0, 9]),
      artist_name_utf8=np.frombuffer(b'a\nb', np.uint8),
    )
    with self.assertRaisesRegex(ValueError, 'artists below 2, the number of'):
      bag_sources.lastfm(self.dir).load()

  @parameterized.named_parameters(
    ('tags', {'tags': 'beer'}, "'tags' to be an array of strings, found 'beer"),
    ('title', {'title': None}, "'title' of a question to be a.* found None: c"),
    ('client', {'client_id': 'é'}, 'ids of clients in ASCII'),
  )
  def test_damaged_posts(self, changed, message):
    data_files.write_posts(self.dir, [data_files.post(0, 0, **changed)])
    with self.assertRaisesRegex(ValueError, f'in line 1 of.*{message}'):
      bag_sources.tags(self.dir).load()


if __name__ == '__main__':
  absltest.main()
