import { expect, test } from 'vitest'
import { parseNode } from '../../src/cli/commands/plan.ts'

test('a node is a name, or a name and a weight', () => {
  expect(parseNode('cache-d', ['cache-a', 'cache-b'])).toEqual({ id: 'cache-d' })
  expect(parseNode('cache-d:2', ['cache-a', 'cache-b'])).toEqual({ id: 'cache-d', weight: 2 })
  expect(parseNode('cache-d:0.5', ['cache-a', 'cache-b'])).toEqual({ id: 'cache-d', weight: 0.5 })
})

test('where nodes are servers, a single number is the port', () => {
  expect(parseNode('10.0.0.4:6379', ['10.0.0.1:6379', 'cart-two'])).toEqual({ id: '10.0.0.4:6379' })
  expect(parseNode('10.0.0.4:6379:2', ['10.0.0.1:6379', 'cart-two'])).toEqual({
    id: '10.0.0.4:6379',
    weight: 2,
  })
  expect(parseNode('[::1]:6379', ['10.0.0.1:6379', 'cart-two'])).toEqual({ id: '[::1]:6379' })
  expect(parseNode('cart-one', ['10.0.0.1:6379', 'cart-two'])).toEqual({ id: 'cart-one' })
})
