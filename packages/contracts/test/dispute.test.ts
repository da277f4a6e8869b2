import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import {
  cutHeight,
  type Game,
  lastStepOf,
  type Move,
  playMove,
  runRemembering,
  type TraceSource,
} from '@lockstep/proof'
import { referenceExecutor } from '@lockstep/tensor'
import { liesOf, nameOfLie } from '../../proof/test/lies-of.ts'
import { type Lie, lyingSource } from '../../proof/test/lying-source.ts'
import { tinyTask } from '../../proof/test/tiny-task.ts'
import { bend } from './bend.ts'
import { type Stage, startStage } from './dispute-stage.ts'
import { type Played, playingBoth } from './play-both.ts'

/** The same game twice: move by move the contract does what game.ts does. */

const nightly = process.env.LOCKSTEP_NIGHTLY === '1'
const task = tinyTask()
const { committed } = task
const { trace: honest } = await runRemembering(task, referenceExecutor)

let stage: Stage
let clock: { now: number }
let play: ReturnType<typeof playingBoth>
const openStage = async (): Promise<void> => {
  stage = await startStage()
  clock = { now: 2_000_000 }
  play = playingBoth(stage, clock)
}
before(openStage)
after(() => stage.chain.stop())
const freshStage = async (): Promise<void> => {
  await stage.chain.stop()
  await openStage()
}

/** What every judgement so far has taken, and of which item. */
const judged: { readonly item: number; readonly gas: number }[] = []
const itemOf = (game: Game, move: Move): number =>
  game.node?.index ??
  (move.kind === 'judgeJoin' ? game.position * 2 ** cutHeight(game.height) + move.index : 0)

const playBoth = async (
  claimant: TraceSource,
  challenger: TraceSource,
  history: boolean,
  each?: (game: Game, move: Move, number: number) => Promise<void>,
): Promise<Played> => {
  const played = await play({ task, claimant, challenger, history, ...(each ? { each } : {}) })
  const { game, last, gas } = played
  if (last?.kind.startsWith('judge')) judged.push({ item: itemOf(game, last), gas })
  return played
}

test('the contract takes the moves that the game takes, stands where it stands, and ends as it ends', async () => {
  // By day one lie in four; by night every one of two steps, and every false challenge.
  for (const step of nightly ? [0, 3] : [3]) {
    let number = 0
    for (const lie of liesOf(step, nightly && step === 3)) {
      number++
      if (!nightly && number % 4 !== 0) continue
      // A chain grows slower with its length: long searches begin a new one now and then.
      if (number % 60 === 0) await freshStage()
      const liar = lyingSource(honest, task, lie)
      const wrong = await playBoth(liar, honest, number % 8 === 0)
      assert.equal(wrong.outcome, 'challenger', nameOfLie(lie))
      if (!nightly && number % 16 !== 0) continue
      const right = await playBoth(honest, liar, number % 8 === 0)
      assert.equal(right.outcome, 'claimant', nameOfLie(lie))
    }
  }
})

test('the contract refuses what the game refuses', async () => {
  let seed = 1
  const next = (below: number): number => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
    return seed % below
  }
  let refused = 0
  const bendOften = async (game: Game, move: Move, dispute: number): Promise<void> => {
    for (let i = 0; i < (nightly ? 20 : 3); i++) {
      const bent = bend(move, next)
      // What no ABI can carry never reaches a contract.
      if (bent === undefined) continue
      const here = playMove(game, bent, clock.now - 2)
      const there = await stage.tries(dispute, bent)
      assert.equal(there.ok, here.ok, `${JSON.stringify(bent).slice(0, 2000)}: ${there.error}`)
      if (!here.ok) refused++
    }
  }
  for (const item of [2, 3, 5, 6, 7, 11, 15, 19, 24, 29]) {
    const lie: Lie = { step: 2, item, foldAt: 0.3, ...(item < 20 ? { element: { index: 0, xor: 1 } } : {}) }
    const liar = lyingSource(honest, task, lie)
    assert.equal((await playBoth(liar, honest, true, bendOften)).outcome, 'challenger')
  }
  assert.ok(refused > 100)
})

test('no judgement takes more gas than was said before the task began', () => {
  assert.ok(judged.length > 20)
  let tightest = 0
  for (const { item, gas } of judged) {
    const bound = lastStepOf(committed.program, item)
    assert.ok(gas <= bound.gas, `item ${item} took ${gas} gas of at most ${bound.gas}`)
    tightest = Math.max(tightest, gas / bound.gas)
  }
  assert.ok(tightest > 0.6, `the bounds are too wide: nothing took more than ${tightest} of its own`)
})
