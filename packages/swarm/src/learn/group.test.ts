import assert from 'node:assert/strict'
import { test } from 'node:test'
import { draws } from './draws.ts'
import { advantages, type Group, meanReward, scoredGroup, spread } from './group.ts'
import { choose } from './select.ts'

const group = (...scores: number[]): Group => ({
  task: { family: 'any', seed: 1, level: 0 },
  prompt: 'any 1=',
  rollouts: scores.map((score) => ({ text: '1', ended: true, score })),
})

test('advantages are rewards less their mean, by their deviation, as in float64', () => {
  for (const scores of [
    [0, 100],
    [0, 0, 0, 0, 0, 0, 0, 100],
    [10, 20, 30, 95],
  ]) {
    const rewards = scores.map((s) => s / 100)
    const mean = rewards.reduce((a, b) => a + b, 0) / rewards.length
    const deviation = Math.sqrt(rewards.reduce((a, r) => a + (r - mean) ** 2, 0) / rewards.length)
    for (const [i, a] of advantages(group(...scores)).entries()) {
      const wanted = (rewards[i]! - mean) / (deviation + 1e-4)
      assert.ok(Math.abs(a - wanted) < 1e-6, `${scores} at ${i}: ${a}, ${wanted}`)
    }
    assert.equal(meanReward(group(...scores)), mean)
  }
})

test('a group of equal scores teaches nothing', () => {
  for (const score of [0, 37, 100]) {
    assert.equal(spread(group(score, score, score)), 0)
    assert.deepEqual([...advantages(group(score, score, score))], [0, 0, 0])
  }
  assert.equal(spread(group(0, 100)), 10_000)
})

test('an answer that was cut off scores 0, whatever its text would earn', () => {
  const play = () => ({ prompt: 'p', solution: '1' })
  const family = {
    name: 'one',
    play,
    run: (_s: number, _l: number, answer: string) => ({
      prompt: 'p',
      solution: '1',
      score: answer === '1' ? 100 : 0,
    }),
  }
  const { rollouts, prompt, task } = scoredGroup(family, { seed: 3, level: 2 }, [
    { text: '1', ended: true },
    { text: '1', ended: false },
    { text: '2', ended: true },
  ])
  assert.deepEqual(
    rollouts.map(({ score }) => score),
    [100, 0, 0],
  )
  assert.deepEqual({ prompt, task }, { prompt: 'p', task: { family: 'one', seed: 3, level: 2 } })
})

const pool = [group(0, 0), group(0, 100), group(50, 50), group(40, 60), group(0, 90)].map((g, name) => ({
  group: g,
  name,
}))
const namesOf = (chosen: readonly { readonly name: number }[]): number[] => chosen.map(({ name }) => name)

test('useful groups are chosen, those with more variance more often; uniform choice takes any', () => {
  const first = new Map<number, number>()
  for (let seed = 0; seed < 400; seed++) {
    const all = namesOf(choose(pool, 5, 'useful', draws(seed, 1)))
    assert.deepEqual([...all].sort(), [1, 3, 4])
    first.set(all[0]!, (first.get(all[0]!) ?? 0) + 1)
    assert.deepEqual([...namesOf(choose(pool, 9, 'uniform', draws(seed, 1)))].sort(), [0, 1, 2, 3, 4])
  }
  // Spreads 10000, 400 and 8100: the seeds are fixed, and so are the counts; their order is the law.
  assert.ok(first.get(1)! > first.get(4)! && first.get(4)! > (first.get(3) ?? 0))
})

test('a choice follows from its seed, and never takes a group twice', () => {
  for (let seed = 0; seed < 50; seed++) {
    const once = namesOf(choose(pool, 2, 'useful', draws(seed, 1, 7)))
    assert.deepEqual(once, namesOf(choose(pool, 2, 'useful', draws(seed, 1, 7))))
    assert.equal(new Set(once).size, 2)
  }
  assert.deepEqual(choose(pool.slice(0, 1), 3, 'useful', draws(1, 1)), [])
})
