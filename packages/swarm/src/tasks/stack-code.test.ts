import assert from 'node:assert/strict'
import { test } from 'node:test'
import { STEPS } from '../machine/instruction.ts'
import { stackCode } from './stack-code.ts'

test('the solution passes every hidden test, at every level and seed', () => {
  let most = 0
  for (let level = 0; level < stackCode.levels; level++)
    for (let seed = 0; seed < 60; seed++) {
      const { solution, prompt } = stackCode.play(seed, level)
      assert.match(prompt, /^code [0-9x+*%/^!():\s]+=$/)
      assert.ok(solution.length <= 24)
      assert.equal(stackCode.run(seed, level, solution).score, 100, `${prompt}: ${solution}`)
      most = Math.max(most, stackCode.steps(seed, level, solution))
    }
  assert.ok(most < 30_000, `${most} steps`)
})

test('another program that computes the same is as good, and one that does not is not', () => {
  const seed = findSeed((prompt) => prompt === 'code x+6=', 0)
  const scores: readonly [string, number][] = [
    ['6+', 100],
    ['33++', 100],
    ['6s+', 100],
    ['1+1+1+1+1+1+', 100],
    ['9+3-', 100],
    ['6[s1+s1-]p', 100],
    ['d6+sp', 100],
    ['9o+s3rr=p3-', 0],
    ['5+', 0],
    ['6', 0],
    ['6+6', 0],
  ]
  for (const [program, score] of scores) assert.equal(stackCode.run(seed, 0, program).score, score, program)
})

test('each operation of the language does what it says', () => {
  // The prompt asks for x + 6, so each program is made to leave that.
  const seed = findSeed((prompt) => prompt === 'code x+6=', 0)
  const programs = [
    '3d++',
    '39s-+',
    '42++',
    '93-+',
    '32*+',
    '97%4++',
    '90%6++',
    '92/2++',
    '90/6++',
    '6o+sp',
    '39r+s-',
    '69p+',
    '27<5++',
    '72<6++',
    '66=5++',
    '65=6++',
    '3[s2+s1-]p',
    '0[9]p6+',
    '2[s2[s1+s1-]p1+s1-]p',
  ]
  for (const program of programs) assert.equal(stackCode.run(seed, 0, program).score, 100, program)
})

test('programs that loop for ever, are malformed or leave the stack score 0, all of them within a run', () => {
  const programs = [
    '1[1]',
    '[d]',
    '1[]',
    '9[9[9[9[1]]]]',
    '1[d]',
    '',
    'x+6',
    '6 +',
    '[6+',
    '6+]',
    ']6+[',
    '+',
    'ppp',
    'p6+',
    's6+',
    'r6+',
    '66666666666666666+',
    'd'.repeat(24),
    '6+'.repeat(20),
    '\u0000',
  ]
  const seed = findSeed((prompt) => prompt === 'code x+6=', 0)
  for (const program of programs) {
    assert.equal(stackCode.run(seed, 0, program).score, 0, program)
    const steps = stackCode.steps(seed, 0, program)
    assert.ok(steps < STEPS / 2, `${program}: ${steps}`)
  }
})

test('a test that is passed by chance counts for itself alone', () => {
  // The program that always gives 0 passes the tests whose inputs are multiples of a in x % a.
  const scores = new Set<number>()
  for (let seed = 0; seed < 2000; seed++)
    if (stackCode.play(seed, 0).prompt.includes('%')) scores.add(stackCode.run(seed, 0, 'p0').score)
  assert.deepEqual(
    [...scores].sort((a, b) => a - b),
    [0, 30, 60, 100],
  )
})

const findSeed = (wanted: (prompt: string) => boolean, level: number): number => {
  for (let seed = 0; ; seed++) if (wanted(stackCode.play(seed, level).prompt)) return seed
}
