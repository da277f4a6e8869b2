import assert from 'node:assert/strict'
import { test } from 'node:test'
import { draws } from './draws.ts'
import type { Group } from './group.ts'
import { choose } from './select.ts'

/** A group of eight answers of which some are right. */
const groupOf = (family: string, level: number, right: number): { readonly group: Group } => ({
  group: {
    ...{ task: { family, level, seed: 1 }, prompt: '' },
    rollouts: Array.from({ length: 8 }, (_, i) => ({ text: '', ended: true, score: i < right ? 100 : 0 })),
  },
})
const many = (count: number, one: { readonly group: Group }) => new Array<typeof one>(count).fill(one)

test('who fills a pool with one kind of task takes no place of another kind, where all are as likely', () => {
  const rare = [groupOf('sorting', 1, 1), groupOf('sorting', 2, 1), groupOf('reversal', 1, 1)]
  const pool = [...rare, ...many(200, groupOf('copying', 0, 4)), ...many(50, groupOf('reversal', 2, 0))]
  const taken = (rule: 'even' | 'useful'): number => {
    let honest = 0
    for (let seed = 0; seed < 50; seed++)
      honest += choose(pool, 4, rule, draws(seed, 0)).filter((one) => rare.includes(one)).length
    return honest
  }
  assert.ok(taken('even') > 110, `${taken('even')} of 150`)
  assert.ok(taken('useful') < 10, `${taken('useful')} of 150`)
})

test('every rule takes different groups and no more than there are, and only `uniform` takes useless ones', () => {
  const pool = [
    groupOf('sorting', 1, 2),
    groupOf('sorting', 1, 0),
    groupOf('copying', 0, 8),
    groupOf('copying', 0, 7),
  ]
  for (const [rule, count] of [
    ['useful', 2],
    ['even', 2],
    ['uniform', 4],
  ] as const) {
    const chosen = choose(pool, 9, rule, draws(3, 0))
    assert.equal(chosen.length, count, rule)
    assert.equal(new Set(chosen).size, count, rule)
  }
})
