/**
 * What a dispute costs, measured on a real chain: npm run gas -- [--json]
 *
 * A claim over 10^6 steps of a model of 10^8 parameters is challenged in one segment, once by an honest challenger and
 * once by a false one. The tensors are made up where they are asked for, so nothing of that size is ever held.
 */
import {
  commitProgram,
  follow,
  type MoveKind,
  nameSegment,
  nextMove,
  type Outcome,
  openGame,
  replayFrom,
  rootOf,
  type Side,
  seedHash,
  type TraceSource,
  toHex,
} from '@lockstep/proof'
import { unwrap } from '@lockstep/tensor'
import { type Stage, startStage } from '../packages/contracts/test/dispute-stage.ts'
import { lyingSource } from '../packages/proof/test/lying-source.ts'
import { vastSource } from '../packages/proof/test/vast-source.ts'
import { VAST, vastParameters, vastProgram } from '../packages/proof/test/vast-task.ts'
import { scriptArguments } from './arguments.ts'

const { values } = scriptArguments({ options: { json: { type: 'boolean' } } })

type Turn = { readonly side: Side; readonly kind: MoveKind | 'challengeSegment'; readonly gas: number }
type Report = { readonly outcome: Outcome; readonly turns: readonly Turn[] }

const TIMING = { clock: 86_400, segmentTime: 7_200, stepTime: 3_600, moveTime: 600 }
const CHAIN = 31337

const committed = commitProgram(vastProgram)
const truth = vastSource({ committed, ...VAST, step: 567_890, element: 4_321_098 })
const lie = lyingSource(truth, truth.task, {
  step: 567_890,
  item: VAST.node,
  element: { index: 4_321_098, xor: 1 },
  foldAt: 0.6,
})

/** One dispute about one named segment, between two players, on the chain. */
const dispute = async (
  stage: Stage,
  claimant: TraceSource,
  challenger: TraceSource,
  start: number,
): Promise<Report> => {
  let now = start
  const claimed = await claimant.checkpoints()
  const named = nameSegment(claimed, await challenger.checkpoints())
  const terms = {
    task: {
      program: toHex(committed.id),
      initialItem: toHex(rootOf(claimed)), // any digest: no dispute gets near it
      inputsRoot: toHex(rootOf(await truth.inputs())),
      steps: VAST.steps,
      segmentLength: VAST.segmentLength,
    },
    header: committed.header,
    timing: TIMING,
    claim: toHex(rootOf(claimed)),
  }
  const { number, gas } = await stage.dispute(terms.task, terms.header, TIMING, terms.claim, named, now)
  const turns: Turn[] = [{ side: 'challenger', kind: 'challengeSegment', gas }]
  let replayed = replayFrom(unwrap(openGame(terms, seedHash(CHAIN, stage.contract, number), now, named)))
  while (replayed.game.outcome === 'open') {
    const side = replayed.game.turn
    const source = side === 'claimant' ? claimant : challenger
    const move = await nextMove({ side, committed, source }, replayed)
    if (!move) throw new Error(`the ${side} has no move in ${replayed.game.phase}`)
    now += 10
    replayed = unwrap(follow(replayed, move, now))
    const sent = await stage.send(number, move, now)
    if (!sent.ok) throw new Error(`${move.kind} was refused by the contract`)
    turns.push({ side, kind: move.kind, gas: sent.gas })
  }
  const { outcome } = await stage.read(number)
  if (outcome !== replayed.game.outcome) throw new Error(`the contract says ${outcome}`)
  return { outcome, turns }
}

const total = (turns: readonly Turn[], side: Side): number =>
  turns.reduce((sum, turn) => sum + (turn.side === side ? turn.gas : 0), 0)

const stage = await startStage()
try {
  const caught = await dispute(stage, lie, truth, 2_000_000)
  const stood = await dispute(stage, truth, lie, 3_000_000)
  if (caught.outcome !== 'challenger' || stood.outcome !== 'claimant') throw new Error('a liar won')
  const all = [...caught.turns, ...stood.turns]
  const isJudged = ({ kind }: Turn): boolean => kind.startsWith('judge')
  const report = {
    move: Math.max(...all.filter((turn) => !isJudged(turn)).map(({ gas }) => gas)),
    lastStep: Math.max(...all.filter(isJudged).map(({ gas }) => gas)),
    dispute: {
      steps: VAST.steps,
      parameters: vastParameters,
      rounds: caught.turns.filter(({ side }) => side === 'claimant').length,
      honestGas: Math.max(total(caught.turns, 'challenger'), total(stood.turns, 'claimant')),
    },
  }
  if (values.json) console.log(JSON.stringify(report))
  else {
    for (const { side, kind, gas } of caught.turns)
      console.log(`${side.padEnd(10)} ${kind.padEnd(18)} ${gas}`)
    console.log(
      `honest challenger ${total(caught.turns, 'challenger')}, honest claimant ${total(stood.turns, 'claimant')}`,
    )
    console.log(report)
  }
} finally {
  await stage.chain.stop()
}
