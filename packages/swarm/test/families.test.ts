import assert from 'node:assert/strict'
import { test } from 'node:test'
import { families } from '../src/tasks/families.ts'
import { stackCode } from '../src/tasks/stack-code.ts'
import { numbers } from './oracles/numbers.ts'
import type { Oracle } from './oracles/oracle.ts'
import { puzzles } from './oracles/puzzles.ts'
import { words } from './oracles/words.ts'

/** Laws of every family, judged by oracles that know only its prompts. */

const ORACLES: Record<string, Oracle> = { ...words, ...numbers, ...puzzles }
const SEEDS = process.env.LOCKSTEP_NIGHTLY ? 400 : 12
const LEVELS = Array.from({ length: 16 }, (_, level) => level)

/** Seeds of a test: spread over both halves of the u32 range. */
const seedsOf = (count: number): number[] =>
  Array.from({ length: count }, (_, i) => Math.imul(i + 1, 0x9e3779b1) >>> 0)

const parts = (prompt: string): [tag: string, body: string] => {
  const found = /^([a-z]{2,4}) ([ -<>-~]+)=$/.exec(prompt)
  if (!found) throw new Error(`the prompt ${JSON.stringify(prompt)} is not TAG BODY=`)
  return [found[1]!, found[2]!]
}

/** Answers near the right one and far from it; most are wrong, and the oracle says which. */
const variants = (solution: string, other: string, seed: number): string[] => {
  const at = seed % solution.length
  const next = solution.charCodeAt(at)
  const put = (text: string) => solution.slice(0, at) + text + solution.slice(at + 1)
  return [
    '',
    other,
    put(''),
    put(String.fromCharCode(next + 1)),
    put(String.fromCharCode(next - 1)),
    put(solution[at]! + solution[at]!),
    [...solution].reverse().join(''),
    `${solution} `,
    ` ${solution}`,
    `0${solution}`,
    `(${solution})`,
    solution + solution,
    solution.slice(0, -1),
    '~'.repeat(96),
    '('.repeat(96),
    String.fromCharCode(0, 127, 10),
  ]
}

// What a program is worth is judged by inputs that its prompt does not show, so it has a test of its own.
for (const family of families.filter((one) => one !== stackCode)) {
  test(`${family.name}: the oracle agrees with its solutions and with every score of 100`, () => {
    for (const level of LEVELS) {
      let other = ''
      for (const seed of seedsOf(SEEDS)) {
        const { prompt, solution } = family.run(seed, level, '')
        const [tag, body] = parts(prompt)
        const right = ORACLES[tag]!
        const where = `seed ${seed} level ${level}: ${prompt}`
        assert.ok(right(body, solution), `${where} ${solution} is wrong`)
        assert.equal(family.run(seed, level, solution).score, 100, `${where} ${solution}`)
        for (const answer of variants(solution, other, seed)) {
          if (answer.length > 96) continue
          const { score, ...again } = family.run(seed, level, answer)
          assert.ok(Number.isInteger(score) && score >= 0 && score <= 100, where)
          assert.equal(
            score === 100,
            right(body, answer),
            `${where} ${JSON.stringify(answer)} scores ${score}`,
          )
          assert.deepEqual([again.prompt, again.solution], [prompt, solution], 'the answer changes no task')
        }
        assert.equal(family.run(seed, level, '').score, 0, `${where}: the empty answer`)
        other = solution
      }
    }
  })
}
