import assert from 'node:assert/strict'
import { test } from 'node:test'
import { family } from './family.ts'
import { sorting } from './sorting.ts'

test('a family plays the same task everywhere, and its own solution has the full score', () => {
  assert.deepEqual(sorting.play(5, 4), { prompt: 'sort 448803=', solution: '034488' })
  for (let level = 0; level < sorting.levels; level++)
    for (let seed = 0; seed < 50; seed++) {
      const { prompt, solution } = sorting.play(seed, level)
      assert.equal(solution, [...prompt.slice(5, -1)].sort().join(''))
      assert.deepEqual(sorting.run(seed, level, solution), { prompt, solution, score: 100 })
      assert.ok(sorting.steps(seed, level, solution) < 3000)
    }
})

test('answers that are long, empty or of strange letters are scored like any other', () => {
  const { prompt, solution } = sorting.play(5, 4)
  for (const [answer, score] of [
    ['', 0],
    ['034489', 68],
    ['034488 ', 72],
    ['é', 0],
    ['0'.repeat(96), 0],
    ['0'.repeat(97), 0],
    ['é'.repeat(49), 0],
  ] as const)
    assert.deepEqual(sorting.run(5, 4, answer), { prompt, solution, score }, answer)
})

test('a seed or level out of range, an endless family and a long text are errors that say so', () => {
  assert.throws(() => sorting.play(-1, 1), /seed is -1/)
  assert.throws(() => sorting.play(0.5, 1), /seed is 0.5/)
  assert.throws(() => sorting.play(2 ** 53, 1), /seed is 9007199254740992/)
  assert.throws(() => sorting.play(1, 16), /levels are 0 to 15/)
  const of = (write: Parameters<typeof family>[0]['write']) =>
    family({ name: 'test', about: 'Nothing.', levels: 1, write })
  const endless = of((m) => {
    m.prompt.write('a')
    m.solution.write('b')
    m.while(
      () => m.word(1),
      () => {},
    )
    m.score(100)
  })
  assert.throws(() => endless.play(1, 0), /does not end/)
  assert.equal(endless.run(1, 0, 'b').score, 0)
  const long = of((m) => {
    m.loop(97, () => m.prompt.write('a'))
    m.solution.write('b')
    m.score(100)
  })
  assert.throws(() => long.play(1, 0), /97 characters at seed 1, level 0/)
})
