import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { parseSwarmManifest } from '@lockstep/client'
import type { Hex } from '@lockstep/proof'
import { readCritique, subjectOf } from '@lockstep/swarm'
import { createWasmExecutor } from '@lockstep/tensor'
import { arithmeticOf } from './arithmetic.ts'
import { openCritic, openOracle } from './critic.ts'
import { ANSWER, CRITIQUE } from './inside.ts'
import type { OwnRound } from './keep.ts'
import { type OwnGroup, openLearner } from './learner.ts'
import { modelWork } from './model-work.ts'

/** A critic of four seats at seat 0, who hears what the test says the others said. */
const SEATS = 4
const TASKS = 2
const accounts = Array.from({ length: SEATS }, (_, at): Hex => `0x${`${at + 1}`.repeat(40)}`)
const manifest = parseSwarmManifest(
  new TextEncoder().encode(
    JSON.stringify({
      families: [{ family: 'copying', level: 0 }],
      model: { layers: 1, width: 32, heads: 2, context: 16 },
      lengths: { prompt: 10, answer: 6 },
      warmStart: { examples: 512, batch: 32, steps: 120, warmup: 8, rate: 0.005 },
      rounds: { tasks: TASKS, critique: 10, resolve: 10 },
    }),
  ),
)
const executor = await createWasmExecutor()
const learner = await openLearner(executor, manifest)
const state = await learner.first()
const arithmetic = arithmeticOf(manifest, learner.families)
const copying = learner.families.get('copying')!
/** What the task asks for: what stands behind the word copy. */
const rightAnswer = (seed: number): string => copying.play(seed, 0).solution

const roundOf = (round: number) => ({
  ...{ round, seed: `0x${`${round}`.repeat(64)}` as Hex, seats: SEATS },
  entries: new Map(accounts.map((account, seat) => [seat, { account }])) as never,
})
const groups = await learner.groups(
  state,
  Array.from({ length: 8 }, (_, i) => ({ family: 'copying', level: 0, seed: i })),
  7,
)

const model = modelWork({ ...learner, first: async () => state })
const draft = join(await mkdtemp(join(tmpdir(), 'lockstep-critic-')), 'model.state')
await model.open(draft, true)
await rm(dirname(draft), { recursive: true })

/** @param said Texts by stage, of each seat */
const critic = (
  said: (round: number, stage: number) => readonly (readonly string[] | undefined)[],
  experience: readonly OwnGroup[] = groups,
) => {
  const ownRound = ({ round }: { readonly round: number }): Pick<OwnRound, 'groups' | 'texts'> => ({
    groups: experience,
    texts: { [ANSWER]: said(round, ANSWER)[0]!, [CRITIQUE]: said(round, CRITIQUE)[0] ?? [] },
  })
  const heard = (round: number, who: Hex, stage: number): readonly string[] | undefined =>
    said(round, stage)[accounts.indexOf(who)]
  const inside = {
    ...{ account: accounts[0]!, arithmetic, families: learner.families },
    ...{ own: { at: ownRound } as never, hearing: { groups: () => [], answers: heard } as never },
  }
  return { ...openCritic(inside, model), oracle: openOracle(inside) }
}

test('a model that copies says which answers are copies, explains, and answers with the likeliest', async () => {
  const round = roundOf(1)
  const right = arithmetic.tasksOf(round).map(({ seed }) => rightAnswer(seed))
  const wrong = right.map((text) =>
    [...text]
      .reverse()
      .join('')
      .replace(/^(.)\1$/, 'qz'),
  )
  const empty = right.map(() => '')
  // Two wrong ones, so that the majority is wrong; seat 3 was not heard.
  const answers = [wrong, wrong, right, undefined]
  const { critique, resolve } = critic((_, stage) => (stage === ANSWER ? answers : []))
  const { scores, texts } = await critique(round, 0)
  for (let task = 0; task < TASKS; task++) {
    const subject = subjectOf(round.seed, task, SEATS, 0)!
    assert.equal(scores[task], [1, 1, 101, 0][subject], `task ${task}: seat ${subject}, ${texts?.[task]}`)
    const said = readCritique(texts![task]!)
    assert.equal(said?.explanation, subject === 3 ? undefined : wrong[task])
    if (said !== undefined) assert.equal(said.judgement >= 50, subject === 2)
  }
  assert.deepEqual(
    await resolve(round, 0),
    right.map((text) => ({ text, vote: 3 })),
  )
  assert.notDeepEqual(right, wrong)
  assert.ok((await resolve(round, 0)).every(({ text }, i) => text !== empty[i]))
})

test('others are believed once what they said came true, and not before', async () => {
  const rightOf = (round: number): string[] =>
    arithmetic.tasksOf(roundOf(round)).map(({ seed }) => rightAnswer(seed))
  const said = (round: number, stage: number): (readonly string[] | undefined)[] => {
    const right = rightOf(round)
    // Seat 0 and 2 are wrong in different ways, and nobody in the majority.
    const answers = [right.map(() => 'a'), right, right.map(() => 'b'), right.map(() => 'c')]
    if (stage === ANSWER) return answers
    // Every judge but seat 0 says what is true.
    return accounts.map((_, seat) =>
      seat === 0
        ? undefined
        : right.map((_, task) => {
            const subject = subjectOf(roundOf(round).seed, task, SEATS, seat)!
            return `${answers[subject]![task] === right[task] ? 100 : 0} `
          }),
    )
  }
  // A model without experience thinks no answer likelier than another.
  const { resolve } = critic(said, [])
  const first = await resolve(roundOf(1), 0)
  assert.ok(
    first.every(({ text }) => text === 'a'),
    'of equals the lowest seat',
  )
  for (let round = 2; round <= 8; round++) await resolve(roundOf(round), 0)
  const later = await resolve(roundOf(9), 0)
  const judged = rightOf(9).map((_, task) =>
    [2, 3].some((seat) => subjectOf(roundOf(9).seed, task, SEATS, seat) === 1),
  )
  assert.ok(judged.includes(true))
  for (const [task, { text }] of later.entries()) if (judged[task]) assert.equal(text, rightOf(9)[task])
})

test('a family knows every score, of what was heard', async () => {
  const round = roundOf(1)
  const right = arithmetic.tasksOf(round).map(({ seed }) => rightAnswer(seed))
  const wrong = right.map(() => '??')
  const { oracle } = critic((_, stage) => (stage === ANSWER ? [wrong, wrong, right, undefined] : []))
  const { scores, texts } = await oracle.critique(round, 0)
  const subjects = right.map((_, task) => subjectOf(round.seed, task, SEATS, 0)!)
  assert.deepEqual(
    scores,
    subjects.map((subject) => [1, 1, 101, 0][subject]),
  )
  assert.equal(texts, undefined)
  assert.deepEqual(
    await oracle.resolve(round, 0),
    right.map((text) => ({ text, vote: 3 })),
  )
  // Nobody votes for itself, nor for what scores nothing.
  const alone = critic((_, stage) => (stage === ANSWER ? [right, wrong, undefined, undefined] : [])).oracle
  assert.deepEqual(
    await alone.resolve(round, 0),
    right.map((text) => ({ text, vote: 0 })),
  )
})
