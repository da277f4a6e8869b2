import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DEFAULT_TRAIN, type LanguageModel } from '@lockstep/models'
import { createWasmExecutor } from '@lockstep/tensor'
import { chanceByReading, JUDGING, scaleOf } from '../src/critique/judge.ts'
import { createReader } from '../src/critique/read.ts'
import { type Asked, createVerdictTrainer, type JudgePlan, verdictLessons } from '../src/critique/verdict.ts'
import { characterCoding } from '../src/learn/coding.ts'
import { familyTable, type Group, scoredGroup } from '../src/learn/group.ts'
import { solvedExamples, warmStart } from '../src/learn/warm-start.ts'
import { copying } from '../src/tasks/copying.ts'
import { heldOutSeeds, seedOn } from '../src/tasks/split.ts'

const LEVEL = 0
const family = copying.name
const executor = await createWasmExecutor()
const model: LanguageModel = {
  kind: 'gpt',
  config: { vocab: characterCoding.vocab, context: 16, width: 32, layers: 2, heads: 2, dropout: 0 },
}
const plan: JudgePlan = {
  ...{ model, coding: characterCoding, prompt: 10, answer: 6 },
  train: { ...DEFAULT_TRAIN, batch: 32, steps: 150, warmup: 10, rate: 3e-3, decay: 0 },
}
const warm = {
  ...{ ...plan, examples: 1024, seed: 3 },
  train: { ...DEFAULT_TRAIN, batch: 32, steps: 100, warmup: 8, rate: 5e-3 },
}
const trainTask = (draw: number) => ({ family, level: LEVEL, seed: seedOn('train', copying, LEVEL, draw) })
const { parameters: policy } = await warmStart(
  executor,
  warm,
  solvedExamples(familyTable([copying]), (draws) => trainTask(draws.word()), warm),
)

/** Of each task a right answer, and those of three other tasks. */
const answered = (seeds: readonly number[]): Group[] =>
  seeds.map((seed, i) => {
    const of = [0, 1, 2, 3].map((step) => seeds[(i + step) % seeds.length]!)
    const answers = of.map((other) => ({ text: copying.play(other, LEVEL).solution, ended: true }))
    return scoredGroup(copying, { seed, level: LEVEL }, answers)
  })
const groups = answered(Array.from({ length: 256 }, (_, i) => trainTask(i).seed))
const heldOut = answered(heldOutSeeds(copying, LEVEL, 32))
const askedOf = (some: readonly Group[]): (Asked & { readonly right: boolean })[] =>
  some.flatMap(({ prompt, rollouts }) =>
    [...new Map(rollouts.map(({ text, score }) => [text, score === 100]))].map(([answer, right]) => ({
      ...{ prompt, answer, right },
    })),
  )

const trainer = await createVerdictTrainer(executor, plan, 1024)
const reader = await createReader(executor, plan)
const lessons = verdictLessons(plan, groups)
const verdicts = (await trainer.train(policy, lessons, 9)).parameters

/** Of all pairs of a right and a wrong answer, the part in which the right one is thought likelier: a half by chance. */
const told = (chances: readonly number[], rights: readonly boolean[]): number => {
  let [sum, pairs] = [0, 0]
  for (const [i, a] of chances.entries())
    for (const [j, b] of chances.entries()) {
      if (!rights[i] || rights[j]) continue
      sum += a > b ? 1 : a === b ? 0.5 : 0
      pairs++
    }
  return sum / pairs
}

test('each judge tells right answers to held-out tasks from wrong ones far better than by chance', async () => {
  const [known, unknown] = [askedOf(groups), askedOf(heldOut)]
  const rights = unknown.map(({ right }) => right)
  const [before, now] = [
    await reader.read(policy, verdicts, known),
    await reader.read(policy, verdicts, unknown),
  ]
  const found = JUDGING.map((judging) => {
    const experience = known.map(({ right }, i) => ({ reading: before[i], right }))
    const scale = scaleOf(judging, experience)
    const chances = now.map((reading) => chanceByReading(judging, scale, reading))
    assert.ok(chances.every((chance) => chance >= 0 && chance <= 1))
    return told(chances, rights)
  })
  const untrained = await reader.read(policy, policy, unknown)
  const nothing = told(
    untrained.map((one) => one!.odds),
    rights,
  )
  for (const [i, part] of found.entries()) assert.ok(part > 0.75, `${JUDGING[i]}: ${part}`)
  assert.ok(nothing < 0.65, `odds of a model that has learned no verdicts: ${nothing}`)
})

test('a reading is what the models think, the same whatever is read beside it', async () => {
  const asked = askedOf(groups).slice(0, 70)
  const all = await reader.read(policy, verdicts, asked)
  assert.deepEqual((await reader.read(policy, verdicts, asked.slice(68)))[1], all[69])
  for (const one of all) assert.ok(one !== undefined && one.sum < 0 && one.mean < 0 && one.mean > one.sum)
  const [short, long] = await reader.read(policy, verdicts, [
    { prompt: asked[0]!.prompt, answer: '' },
    { prompt: asked[0]!.prompt, answer: '123456' },
  ])
  assert.ok(short!.sum === short!.mean)
  assert.equal(long, undefined)
})

test('a judge is the same bits for the same seed, and its policy where there is nothing to learn', async () => {
  const again = (await trainer.train(policy, lessons, 9)).parameters
  assert.deepEqual(
    again.map(({ data }) => data),
    verdicts.map(({ data }) => data),
  )
  const other = (await trainer.train(policy, lessons, 10)).parameters
  assert.notDeepEqual(other[0]!.data, verdicts[0]!.data)
  const wrong = groups.map((group) => ({ ...group, rollouts: group.rollouts.slice(1) }))
  assert.deepEqual(verdictLessons(plan, wrong.slice(0, 5)), [])
  assert.equal((await trainer.train(policy, [], 9)).parameters, policy)
})

test('verdicts are learned from as many right lines as wrong ones, and only from what can be read', () => {
  const rights = lessons.filter(({ answer }) => answer[0] === characterCoding.encode('y')[0])
  assert.equal(2 * rights.length, lessons.length)
  const { prompt } = groups[0]!
  const group = (...rollouts: Group['rollouts']): Group => ({ ...groups[0]!, rollouts })
  const some = verdictLessons(plan, [
    group(
      { text: 'zv', ended: true, score: 100 },
      { text: 'no', ended: true, score: 0 },
      { text: 'no', ended: true, score: 0 },
      { text: 'cut off', ended: false, score: 0 },
      { text: 'far too long', ended: true, score: 0 },
    ),
  ])
  const line = (text: string): number[] => [
    ...characterCoding.encode(prompt),
    characterCoding.end,
    ...characterCoding.encode(text),
    characterCoding.end,
  ]
  assert.deepEqual(
    some.map((lesson) => [...lesson.prompt]),
    [line('zv'), line('no')],
  )
})
