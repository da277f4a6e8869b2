import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { greedySoup } from './soup.ts'

test('the best comes first, whoever makes it worse stays out, and who cannot be merged is never tasted', async () => {
  // What each member adds to a soup: member 1 spoils it, member 4 cannot be merged.
  const adds = [5, -30, 0, 20, 1000]
  const alone = [50, 90, 40, 60, undefined]
  const points = async (weights: readonly number[]): Promise<number> =>
    100 + weights.reduce((sum, w, m) => sum + w * adds[m]!, 0)
  const soup = await greedySoup(alone, points)
  assert.deepEqual(soup, {
    weights: [1, 1, 1, 1, 0],
    points: 95,
    tasted: [
      { member: 1, points: 70, taken: true },
      { member: 3, points: 90, taken: true },
      { member: 0, points: 95, taken: true },
      { member: 2, points: 95, taken: true },
    ],
  })
  const without = await greedySoup(alone.with(1, 10), points)
  assert.deepEqual(without.weights, [1, 0, 1, 1, 0])
  assert.equal(without.points, 125)
})

test('a soup is at least as good as its best member, and what is not taken changes nothing', async () => {
  const alone = fc.array(fc.integer({ min: 0, max: 100 }), { minLength: 1, maxLength: 6 })
  await fc.assert(
    fc.asyncProperty(
      alone,
      fc.array(fc.integer({ min: 0, max: 100 }), { minLength: 64 }),
      async (of, any) => {
        const points = async (weights: readonly number[]): Promise<number> => {
          const [only, more] = weights.flatMap((w, m) => (w === 0 ? [] : [m]))
          const place = weights.reduce((sum, w, m) => sum + w * 2 ** m, 0)
          return more === undefined ? of[only!]! : any[place]!
        }
        const soup = await greedySoup(of, points)
        assert.ok(soup.points >= Math.max(...of))
        assert.equal(await points(soup.weights), soup.points)
        assert.deepEqual(
          soup.weights,
          of.map((_, m) => (soup.tasted.find(({ member }) => member === m)!.taken ? 1 : 0)),
        )
      },
    ),
  )
})
