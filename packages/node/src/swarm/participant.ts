import type { SwarmManifest, SwarmMessage } from '@lockstep/client'
import { type Call, ChainError, type MarketChain } from '@lockstep/contracts'
import type { PeerId, Topic } from '@lockstep/network'
import type { Hex } from '@lockstep/proof'
import { type Part, packBytes } from '@lockstep/swarm'
import { type Executor, fail, ok, type Result, type Tensor, unwrap } from '@lockstep/tensor'
import type { Address } from 'viem'
import { agreedTerms } from './agreed.ts'
import { arithmeticOf } from './arithmetic.ts'
import { keyOf, openDisputing } from './disputing.ts'
import { openDoubting } from './doubting.ts'
import { type Due, type SwarmDuty, seatOf, swarmDuties } from './duties.ts'
import { openFollow } from './follow.ts'
import { openHearing, peerHex } from './hearing.ts'
import { openInbox } from './inbox.ts'
import { ANSWER, type Inside } from './inside.ts'
import { openKeep } from './keep.ts'
import { type Learner, openLearner } from './learner.ts'
import { learnFrom } from './learning.ts'
import type { SwarmMetrics } from './metrics.ts'
import { openOwn } from './own.ts'
import { openPlaying } from './playing.ts'
import { openStanding } from './standing.ts'
import { openTelling } from './telling.ts'
import type { RoundView, SwarmView } from './view.ts'

export type ParticipantOptions = {
  readonly market: MarketChain
  /** The first block that can have anything of the market. */
  readonly fromBlock: number
  /** Who takes part; the connection's account, or one that has delegated to it. */
  readonly account: Address
  readonly swarm: number
  readonly manifest: SwarmManifest
  readonly topic: Pick<Topic<SwarmMessage>, 'publish' | 'subscribe'>
  /** Whose messages come by that topic: those of the own part of a swarm in parts. All, where it is absent. */
  readonly hears?: (account: Hex) => boolean
  readonly peerId: string
  readonly executor: Executor
  readonly directory: string
  /** One that several participants of a process share; otherwise it opens its own. */
  readonly learner?: Learner
  /** Told of peers that have shared as participants what no honest one shares; a network takes standing from them. */
  readonly blame?: (peer: PeerId, why: string) => void
  /** Told of what was done, and of what was refused. */
  readonly tell?: (event: ParticipantEvent) => void
}

export type ParticipantEvent =
  | { readonly event: 'did'; readonly duty: SwarmDuty }
  | { readonly event: 'refused'; readonly duty: SwarmDuty; readonly why: string }
  | ({ readonly event: 'metrics' } & SwarmMetrics)

/** How a participant stands after a look at the chain. */
export type Turn = Omit<Due, 'duties'> & {
  readonly now: number
  /** Duties that were carried out. */
  readonly did: number
  /** Whether something is expected of others before the next stage. */
  readonly waits: boolean
}

export type Participant = {
  /** Reads the chain, takes in what was heard, does what is due, and says again what others may have missed. */
  readonly turn: (stays?: boolean) => Promise<Turn>
  readonly view: () => SwarmView | undefined
  /** The state of the model, and after how many rounds. */
  readonly model: () => { readonly round: number; readonly state: readonly Tensor[] }
  readonly close: () => void
}

/**
 * A participant of a swarm over a chain and a network. All that it does follows from the chain's events and its own files,
 * and what it commits to is on the disk before it is sent: one that was killed is opened again and goes on.
 */
export const openParticipant = async (options: ParticipantOptions): Promise<Result<Participant>> => {
  const { market, manifest, swarm, topic, executor, tell = () => {} } = options
  const { calls } = market
  const account = options.account.toLowerCase() as Hex
  const peer = peerHex(options.peerId)
  const keep = await openKeep(options.directory, account, swarm)
  const loaded = await keep.load()
  if (!loaded.ok) return loaded
  const own = openOwn(keep, loaded.value ?? { learned: 0, rounds: [] })
  const follow = openFollow(market, swarm, options.fromBlock)
  await follow.read()
  const terms = agreedTerms(swarm, follow.view(), manifest)
  if (!terms.ok) return terms

  const learner = options.learner ?? (await openLearner(executor, manifest))
  const { learned } = own.now()
  const stored = await keep.loadModel(learned)
  let state: readonly Tensor[]
  if (stored !== undefined) state = unwrap(learner.decode(stored))
  else {
    if (learned > 0) {
      learner.close()
      return fail({
        code: 'participant-damaged',
        field: `model after round ${learned}`,
        value: 'missing',
        limit: 'a file of this directory',
        remedy: 'Restore the directory, or join with another account in another one.',
      })
    }
    state = await learner.first()
    await keep.saveModel(0, learner.encode(state))
  }

  const arithmetic = arithmeticOf(manifest, learner.families)
  const view = (): SwarmView => follow.view()!
  const roundAt = (number: number): RoundView | undefined => view().rounds[number - 1]
  const seatIn = (round: RoundView, who: Hex): number | undefined =>
    seatOf(round, who, view().members.get(who)?.seat)
  const hearing = openHearing(() => ({
    families: learner.families,
    groupSize: manifest.learning.groupSize,
    tasks: manifest.rounds.tasks,
    peerOf: (who) => view().members.get(who)?.peer,
    isLive: (round) => {
      const found = roundAt(round)
      return found !== undefined && !found.settled
    },
    ownTasksOf: (number, who) => {
      const round = roundAt(number)
      const seat = round && seatIn(round, who)
      return seat === undefined ? undefined : arithmetic.ownTasksOf(round!, seat)
    },
  }))
  const send = async (call: Call): Promise<Result<unknown>> => {
    try {
      return await market.send(call)
    } catch (error) {
      // Somebody else was first between the look and the block.
      if (error instanceof ChainError && error.code === 'reverted')
        return fail({ code: 'call-refused', field: call.name, value: 'reverted', limit: '', remedy: '' })
      throw error
    }
  }
  const inside: Inside = {
    ...{ market, manifest, swarm, account, terms: terms.value, arithmetic, learner, own, hearing },
    ...{ view, roundAt, seatIn, send, hears: options.hears ?? (() => true) },
  }
  const inbox = openInbox(topic, swarm, hearing, {
    isParticipant: (author) => follow.peers().has(peerHex(author)),
    most: manifest.learning.groups + 3,
    newest: () => view().rounds.length,
    roundAt,
    blame: options.blame ?? (() => {}),
  })
  const telling = openTelling(inside, topic, () => learner.modelRoot(state))
  const doubts = openDoubting(inside)
  const { stand, finish } = openStanding(inside)
  const disputing = openDisputing(inside, executor, options.fromBlock)
  const { play, isMissing } = openPlaying(inside, () => state)

  /** Carries a duty out; `later` where it is not its time although the chain would take it. */
  const carryOut = async (duty: SwarmDuty, now: number): Promise<Result<unknown> | 'later'> => {
    switch (duty.do) {
      case 'join':
        return send(calls.joinSwarm(swarm, peer))
      case 'announce':
        return send(calls.announcePeer(swarm, peer))
      case 'learn': {
        const after = await learnFrom(inside, keep, state, roundAt(duty.round)!, telling.takeBytes())
        state = after.state
        tell({ event: 'metrics', ...after.metrics })
        return ok(undefined)
      }
      case 'play':
        return play(roundAt(duty.round)!, duty.stage, now)
      case 'claim': {
        const mine = own.at(duty.round)
        const entry = roundAt(duty.round)!.entries.get(seatIn(roundAt(duty.round)!, account)!)!
        const parts = entry.submitted.toSorted().map((stage) => mine?.parts[stage])
        if (parts.includes(undefined)) return 'later'
        const opened = (parts as Part[]).map(({ root, scores, votes, salt }) => ({
          ...{ root, scores: packBytes(scores), votes: packBytes(votes), salt },
        }))
        return send(calls.claimScores(swarm, duty.round, account, opened))
      }
      case 'challenge':
        return send(calls.challengeScore(swarm, duty.round, duty.seat, duty.stage, duty.task))
      case 'stand':
        return stand(duty.challenge)
      case 'dispute':
        return disputing.dispute(duty.challenge)
      case 'defend':
        return disputing.play(duty.dispute, 'claimant')
      case 'attack':
        return disputing.play(duty.dispute, 'challenger')
      case 'closeDispute':
        return disputing.closeDispute(duty.dispute)
      case 'finish':
        return finish(duty.challenge)
      case 'settle':
        return send(calls.settleRound(swarm))
      case 'advance':
        return send(calls.advanceSwarm(swarm))
      case 'close':
        return send(calls.closeSwarm(swarm))
      case 'leave':
        return send(calls.leaveSwarm(swarm, account))
    }
  }

  /** Forgets rounds that are over. */
  const prune = async (): Promise<void> => {
    for (const { round, settled } of view().rounds) if (settled) hearing.forget(round)
    const { learned: last, rounds } = own.now()
    const kept = rounds.filter(({ round }) => !roundAt(round)?.settled || round > last)
    if (kept.length < rounds.length) await own.save({ rounds: kept })
  }

  return ok({
    view,
    model: () => ({ round: own.now().learned, state }),
    close: () => {
      inbox.close()
      disputing.close()
      learner.close()
    },
    turn: async (stays = true) => {
      await follow.read()
      inbox.takeIn()
      const now = await market.now()
      const answered = own.now().rounds.map(({ round }) => round)
      const due = swarmDuties(
        view(),
        {
          ...{ account, peer, stays, doubts: doubts(), answered, learned: own.now().learned },
          ...{ key: keyOf(inside), falselyStood: disputing.falselyStood() },
          window: terms.value.proof.window,
        },
        now,
      )
      let did = 0
      let isDrawing = false
      for (const duty of due.duties) {
        const done = await carryOut(duty, now)
        if (done === 'later') continue
        if (done.ok) did++
        else if (done.fault.value === 'DrawPending') isDrawing = true
        tell(done.ok ? { event: 'did', duty } : { event: 'refused', duty, why: String(done.fault.value) })
      }
      await disputing.takeBack()
      await telling.all(now)
      await prune()
      const waits = view().rounds.some((round) => !round.settled && isMissing(round, ANSWER, now))
      const times = [due.next, disputing.next()].filter((time) => time !== undefined)
      const next = times.length === 0 ? undefined : Math.min(...times)
      return { now, next, over: due.over, did, waits: waits || isDrawing }
    },
  })
}
