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

from absl.testing import absltest
from absl.testing import parameterized

from tasks.many_labels import python_functions

_SOURCE = b'''
outside()

@decorate(1)
def first(a, /, b: int = default(), *args, c, **kwargs) -> kind():
  """Does a thing.

  More.
  """
  a.b.method(inner(c))[0](1)
  return (lambda x: called_later(x))

class Some:
  limit = of_class()

  async def second(self):
    def third():
      await_this()
    await third()
    self.x = [f'{shown(i)}' for i in range(3)]

if outside():
  def fourth(): pass
'''


class FindFunctionsTest(parameterized.TestCase):
  def test_finds_all_functions_in_order(self):
    first, second, third, fourth = python_functions.find_functions(_SOURCE)
    self.assertEqual(
      first,
      python_functions.Function(
        'first',
        ('a', 'b', 'args', 'c', 'kwargs'),
        'Does a thing.\n\n  More.\n  ',
        frozenset({'method', 'inner', 'called_later'}),
        frozenset({'method', 'inner', 'called_later', 'x'}),
      ),
    )
    self.assertEqual((second.name, second.arguments), ('second', ('self',)))
    self.assertEqual(second.docstring, '')
    self.assertEqual(second.calls, {'third', 'await_this', 'shown', 'range'})
    self.assertEqual(
      second.identifiers,
      {'third', 'await_this', 'x', 'shown', 'i', 'range'},
    )
    self.assertEqual((third.name, third.calls), ('third', {'await_this'}))
    self.assertEqual(third.identifiers, {'await_this'})
    self.assertEqual((fourth.name, fourth.calls), ('fourth', frozenset()))

  def test_identifiers_without_the_arguments_of_the_function(self):
    source = b"""
def outer(a, *b, c=None, **d):
  def inner(e):
    return a + e
  local.attribute(keyword=c, **d)
  for loop in b: del e
"""
    outer, inner = python_functions.find_functions(source)
    self.assertEqual(
      outer.identifiers, {'e', 'local', 'attribute', 'keyword', 'loop'}
    )
    self.assertEqual(inner.identifiers, {'a'})

  def test_deep_expressions(self):
    source = b'def f():\n  return ' + b'x(1) + ' * 2000 + b'y()'
    (function,) = python_functions.find_functions(source)
    self.assertEqual(function.calls, {'x', 'y'})

  @parameterized.parameters(b'def f(:', b'print 1', b'x = \x00')
  def test_invalid_modules_raise(self, source):
    with self.assertRaises((SyntaxError, ValueError)):
      python_functions.find_functions(source)


if __name__ == '__main__':
  absltest.main()
