import { describe, expect, it } from 'vitest'
import type { PoolOptions } from '../../src/config/options.ts'
import { resolveConfig } from '../../src/config/resolve.ts'

const pool = (replicas: number, ...urls: string[]): PoolOptions => ({
  protocol: 'redis',
  replicas,
  backends: urls.map((url) => ({ url })),
})
const resolve = (a: PoolOptions, b: PoolOptions) => resolveConfig({ name: 'n', pools: { a, b } })

const ONE = 'redis://127.0.0.1:1'
const TWO = 'redis://127.0.0.1:2'
const THREE = 'redis://127.0.0.1:3'

describe('two pools in one database', () => {
  it('are refused when one of them keeps copies, since it deletes what does not belong there', () => {
    expect(() => resolve(pool(2, ONE, TWO), pool(1, THREE, TWO))).toThrow(
      /pools\.b\.backends\.1: 127\.0\.0\.1:2 is in pool "a" too; allowed with replicas above 1: /,
    )
    expect(() => resolve(pool(1, `${ONE}/0`), pool(2, ONE, TWO))).toThrow(/pools\.b\.backends\.0/)
    expect(() => resolve(pool(2, 'unix:/a?db=1', ONE), pool(2, 'unix:/a?db=1', TWO))).toThrow(
      /\/a\/1 is in pool "a" too/,
    )
  })

  it('are left alone without copies, and in databases of their own', () => {
    expect(() => resolve(pool(1, ONE), pool(1, ONE))).not.toThrow()
    expect(() =>
      resolve(pool(2, `${ONE}/0`, `${TWO}/0`), pool(2, `${ONE}/1`, `${TWO}/1`)),
    ).not.toThrow()
  })
})
