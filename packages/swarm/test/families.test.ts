import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { families } from '../src/tasks/families.ts'
import { stackCode } from '../src/tasks/stack-code.ts'
import { answersNear } from './answers.ts'
import { measure } from './guessing.ts'
import { numbers } from './oracles/numbers.ts'
import type { Oracle } from './oracles/oracle.ts'
import { puzzles } from './oracles/puzzles.ts'
import { words } from './oracles/words.ts'

/** Laws of every family, judged by oracles that know only its prompts. */

// What a program is worth is judged by inputs that its prompt does not show, so it has a test of its own.
const judged = families.filter((one) => one !== stackCode)

const ORACLES: Record<string, Oracle> = { ...words, ...numbers, ...puzzles }
const nightly = process.env.LOCKSTEP_NIGHTLY === '1'
const SEEDS = nightly ? 400 : 10
const LEVELS = Array.from({ length: 16 }, (_, level) => level)

/** Seeds of a test: spread over both halves of the u32 range. */
const seedsOf = (count: number): number[] =>
  Array.from({ length: count }, (_, i) => Math.imul(i + 1, 0x9e3779b1) >>> 0)

const parts = (prompt: string): [tag: string, body: string] => {
  const found = /^([a-z]{2,4}) ([ -<>-~]+)=$/.exec(prompt)
  if (!found) throw new Error(`the prompt ${JSON.stringify(prompt)} is not TAG BODY=`)
  return [found[1]!, found[2]!]
}

for (const family of judged) {
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
        for (const answer of answersNear(solution, other, seed)) {
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

/** Seeds and levels at which guessing is measured. */
const MEASURED = { seeds: nightly ? 300 : 120, levels: nightly ? LEVELS : [0, 4, 9, 15] }

/** Mean scores that blind guesses may have at any level, and the solutions of other seeds over all levels. */
const BLIND = 28
const OTHER = 15
/** Word-machine steps of any run that was measured. */
const MOST_STEPS = 10_000

test('guessing without the prompt earns little, texts are short, and runs are too', () => {
  for (const family of families) {
    const { blind, blindLevel, other, prompt, answer, mostSteps, distinct } = measure(family, MEASURED)
    assert.ok(blind < BLIND, `${family.name}: a blind guess earns ${blind} at level ${blindLevel}`)
    assert.ok(other < OTHER, `${family.name}: another seed's answer earns ${other}`)
    assert.ok(prompt <= 96 && answer <= 64, `${family.name}: texts of ${prompt} and ${answer} characters`)
    assert.ok(mostSteps < MOST_STEPS, `${family.name}: ${mostSteps} steps`)
    assert.ok(distinct >= 32, `${family.name}: ${distinct} prompts at level 0`)
  }
})

test('prompt and answer fit into 64 characters together at low levels', () => {
  for (const family of families) {
    for (let level = 0; level < 6; level++) {
      for (const seed of seedsOf(SEEDS)) {
        const { prompt, solution } = family.play(seed, level)
        assert.ok(prompt.length + solution.length <= 64, `${family.name} at level ${level}: ${prompt}`)
      }
    }
  }
})

test('families differ by name, by tag and by code', () => {
  assert.ok(families.length >= 20)
  for (const what of [
    families.map((family) => family.name),
    families.map((family) => parts(family.play(1, 0).prompt)[0]),
    families.map((family) => family.code.words.join()),
  ]) {
    assert.equal(new Set(what).size, families.length)
  }
  assert.deepEqual(
    judged.map((family) => parts(family.play(1, 0).prompt)[0]).sort(),
    Object.keys(ORACLES).sort(),
  )
})

test('the examples beside the families and in docs/tasks.md are right', () => {
  const root = new URL('../../../', import.meta.url)
  const sources = [
    ...readFileSync(new URL('docs/tasks.md', root), 'utf8').split('\n'),
    ...readdirSync(new URL('packages/swarm/src/tasks/', root)).flatMap((file) =>
      readFileSync(new URL(`packages/swarm/src/tasks/${file}`, root), 'utf8').split('\n'),
    ),
  ]
  const tags = new Set<string>()
  for (const line of sources) {
    const example = /`([a-z]{2,4} [^`]+=)`(?: -> | \| )`([^`]+)`/.exec(line)
    if (!example || example[1]!.startsWith('code ')) continue
    const [tag, body] = parts(example[1]!.replaceAll('\\|', '|'))
    tags.add(tag)
    assert.ok(ORACLES[tag]!(body, example[2]!), line)
  }
  assert.equal(tags.size, judged.length)
})
