import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type MarketChain, type SwarmTerms, scoreTaskTerms } from '@lockstep/contracts'
import {
  type Hex,
  nextMove,
  replay,
  rootOf,
  type Side,
  type TraceSource,
  taskFields,
  toHex,
} from '@lockstep/proof'
import {
  answerPath,
  answersRoot,
  claimScore,
  commitmentOf,
  drawnTask,
  type Part,
  packBytes,
  type ScoreQuestion,
  scoreTask,
  scoreTrace,
} from '@lockstep/swarm'
import { type Executor, fail, unwrap } from '@lockstep/tensor'
import { lyingSource } from '../../proof/test/lying-source.ts'
import { STEPS } from '../../swarm/src/machine/instruction.ts'
import { sorting } from '../../swarm/src/tasks/sorting.ts'
import type { SwarmView } from '../src/swarm/index.ts'
import type { Seated } from './swarm-table.ts'

/** What liars do in tests. The product has no such parts: these stand between an honest participant and the chain. */

/** The answers of a stage of round 1 as a participant has kept them, with what it has committed to. */
export const keptAnswers = (
  directory: string,
  stage = 0,
): { readonly texts: readonly string[]; readonly part: Part } => {
  const { rounds } = JSON.parse(readFileSync(join(directory, 'participant.json'), 'utf8'))
  return { texts: rounds[0].texts[stage], part: rounds[0].parts[stage] }
}

const ZERO: Hex = `0x${'00'.repeat(32)}`

/** What is said in a stage instead of its scores or judgements; undefined for the truth. */
export type Lies = (stage: number) => readonly number[] | undefined

/** A way to the chain by which a participant commits to other scores than it has computed, opens those, and never stands. */
export const lyingMarket = (market: MarketChain, directory: string, lies: Lies): MarketChain => {
  const { calls, connection, addresses } = market
  const account = connection.account.address.toLowerCase() as Hex
  const said = (stage: number, part: Part): Part => ({ ...part, scores: lies(stage) ?? part.scores })
  return {
    ...market,
    calls: {
      ...calls,
      submitStage: (swarm, round, stage) => {
        const place = {
          chainId: connection.chainId,
          contract: addresses.swarms,
          swarm,
          round,
          stage,
          account,
        }
        const part = said(stage, keptAnswers(directory, stage).part)
        return calls.submitStage(swarm, round, stage, commitmentOf(place, part))
      },
      // Every stage was submitted, in order.
      claimScores: (swarm, round, who, parts) => {
        const opened = parts.map((part, stage) => ({ ...part, scores: packed(lies(stage)) ?? part.scores }))
        return calls.claimScores(swarm, round, who, opened)
      },
    },
    disputes: { ...market.disputes, createTask: async () => refusal, submit: async () => refusal },
  }
}
const packed = (scores: readonly number[] | undefined): Hex | undefined => scores && packBytes(scores)
const refusal = fail({ code: 'silent', field: 'stand', value: 'silent', limit: '', remedy: '' })

export const questionOf = (seed: Hex, level: number, text: string): ScoreQuestion => ({
  ...{ family: sorting, seed: drawnTask(seed, 0, 1).seed, level },
  answer: new TextEncoder().encode(text),
})

/** A history of an answer that is true but for its last step, which reports another score. */
export const falseHistory = async (
  question: ScoreQuestion,
  claimed: number,
  executor: Executor,
): Promise<{ readonly source: TraceSource; readonly close: () => void }> => {
  const honest = await scoreTrace(question, executor)
  const task = scoreTask(question)
  const item = task.committed.program.outputs[0]!.ref.index
  const lie = { step: STEPS - 1, item, element: { index: 0, xor: claimScore(question).score ^ claimed } }
  return { source: lyingSource(honest, task, lie), close: honest.close }
}

/** Stands by a score with a history that is false in its last step: gives the claim. */
export const standFalsely = async (
  market: MarketChain,
  terms: SwarmTerms,
  challenge: number,
  kept: ReturnType<typeof keptAnswers>,
  question: ScoreQuestion,
  source: TraceSource,
): Promise<Hex> => {
  const place = { chainId: market.connection.chainId, contract: market.addresses.swarms }
  const { inputsRoot } = taskFields(scoreTask(question))
  const task = scoreTaskTerms(place, challenge, terms.proof, inputsRoot)
  const made = unwrap(await market.disputes.createTask(task))
  const claim = unwrap(await market.disputes.claim(made, toHex(rootOf(await source.checkpoints()))))
  const { opening } = claimScore(question)
  const bytes = kept.texts.map((text) => new TextEncoder().encode(text))
  unwrap(
    await market.send(
      market.calls.standByScore(challenge, terms.families, terms.proof, {
        ...{ answer: toHex(question.answer), path: answerPath(bytes, 0), answersRoot: answersRoot(bytes) },
        ...{ finalsRoot: ZERO, claim, stateRoot: toHex(opening.stateRoot) },
        lastPath: opening.siblings.map(toHex),
      }),
    ),
  )
  return claim
}

/** A side of every dispute about a claim that plays out of a source, one move a turn, and knows nothing of deadlines. */
export const lyingPlayer = (
  market: MarketChain,
  side: Side,
  claim: () => Hex | undefined,
  source: () => TraceSource,
  view: () => SwarmView | undefined,
): Seated => ({
  turn: async () => {
    let did = 0
    for (const { dispute, claim: about, outcome } of view()?.disputes.values() ?? []) {
      if (about !== claim() || outcome !== 'open') continue
      const replayed = unwrap(replay(await market.disputes.record(dispute)))
      const { game } = replayed
      if (game.outcome !== 'open' || game.turn !== side) continue
      const { committed } = scoreTask(questionOf(ZERO, 0, ''))
      const move = await nextMove({ side, committed, source: source() }, replayed)
      if (move === undefined) continue
      if ((await market.disputes.submit(dispute, move)).ok) did++
    }
    return { did, next: undefined, over: true }
  },
})
