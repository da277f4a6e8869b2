import assert from 'node:assert/strict'
import { test } from 'node:test'
import { firstLevel, LEVEL_RULE, type LevelState, observe } from './level.ts'

/** Numbers of 0..below from a seed (a linear congruential generator with the constants of Numerical Recipes). */
const dice = (seed: number) => {
  let word = seed
  return (below: number): number => {
    word = (Math.imul(word, 1664525) + 1013904223) >>> 0
    return Math.floor((word / 2 ** 32) * below)
  }
}

/** A learner of a given skill (in levels) is right more often the further its skill is above the level. */
const scoreOf = (skill: number, level: number, roll: (below: number) => number): number => {
  const chance = Math.max(0, Math.min(100, 55 + 12 * (skill - level)))
  return roll(100) < chance ? 100 : roll(2) * 10
}

const fill = (score: number): number[] => Array(LEVEL_RULE.window).fill(score)

test('a full window above the band raises the level by one, one below lowers it, and one inside keeps it', () => {
  const five = firstLevel(5)
  assert.equal(observe(five, fill(71)).level, 6)
  assert.equal(observe(five, fill(70)).level, 5)
  assert.equal(observe(five, fill(40)).level, 5)
  assert.equal(observe(five, fill(39)).level, 4)
  assert.equal(observe(five, fill(100).slice(1)).level, 5, 'an unfilled window moves nothing')
})

test('the level stays within 0 and the top', () => {
  assert.equal(observe(firstLevel(0), [...fill(0), ...fill(0)]).level, 0)
  assert.equal(observe(firstLevel(15), [...fill(100), ...fill(100)]).level, 15)
})

test('a level that was lost asks for more windows in a row before it is given again', () => {
  const lost = observe(firstLevel(5), fill(0))
  assert.equal(lost.level, 4)
  assert.equal(observe(lost, fill(100)).level, 4)
  assert.equal(observe(lost, [...fill(100), ...fill(50), ...fill(100)]).level, 4, 'in a row')
  const again = observe(lost, [...fill(100), ...fill(100)])
  assert.equal(again.level, 5)
  assert.equal(observe(again, fill(100)).level, 6, 'the doubt ends when the level is reached again')
})

test('a score that no family returns is refused', () => {
  for (const score of [-1, 101, 0.5, Number.NaN]) {
    assert.throws(() => observe(firstLevel(), [score]), /is not an integer of 0\.\.100/)
  }
})

test('how the scores are cut into calls changes nothing, and a stored state goes on where it stopped', () => {
  for (let seed = 0; seed < 50; seed++) {
    const roll = dice(seed)
    const scores = Array.from({ length: 1000 }, () => roll(101))
    const whole = observe(firstLevel(3), scores)
    let parts: LevelState = firstLevel(3)
    for (let at = 0; at < scores.length; ) {
      const size = 1 + roll(90)
      parts = JSON.parse(JSON.stringify(observe(parts, scores.slice(at, at + size)))) as LevelState
      at += size
    }
    assert.deepEqual(parts, whole)
  }
})

test('a learner is kept near the edge of what it can do, while it improves and after', () => {
  for (let seed = 0; seed < 30; seed++) {
    const roll = dice(seed)
    let state = firstLevel()
    let total = 0
    let moves = 0
    const late = 4000
    for (let round = 0; round < 8000; round++) {
      // The skill grows from 0 to 10 levels in the first half and stays there.
      const skill = 10 * Math.min(1, round / late)
      const score = scoreOf(skill, state.level, roll)
      const next = observe(state, [score])
      if (Math.abs(next.level - state.level) > 1) assert.fail('moves by one')
      if (round >= late) {
        total += score
        if (next.level !== state.level) moves++
        assert.ok(
          Math.abs(next.level - 10) <= 3,
          `seed ${seed}: level ${next.level} of a learner of skill 10`,
        )
      }
      state = next
    }
    const mean = total / 4000
    assert.ok(mean > 40 && mean < 75, `seed ${seed}: mean score ${mean}`)
    // 62 windows, and a level that is left and regained in turn would move in each of them.
    assert.ok(moves <= 20, `seed ${seed}: ${moves} moves of a learner that stands still`)
  }
})
