import type { SwarmManifest, SwarmMessage } from '@lockstep/client'
import { type Call, ChainError, type MarketChain } from '@lockstep/contracts'
import type { PeerId, Topic } from '@lockstep/network'
import type { Hex } from '@lockstep/proof'
import { families as everyFamily, familyTable, firstLevels, type Part, packBytes } from '@lockstep/swarm'
import { type Executor, fail, ok, type Result } from '@lockstep/tensor'
import type { Address } from 'viem'
import { openExecutor } from '../run/open-executor.ts'
import { agreedTerms } from './agreed.ts'
import { arithmeticOf, budgetOf } from './arithmetic.ts'
import { type Compute, openComputing } from './computing.ts'
import { keyOf, openDisputing } from './disputing.ts'
import { openDoubting } from './doubting.ts'
import { type Due, type SwarmDuty, seatOf, swarmDuties } from './duties.ts'
import type { ParticipantEvent } from './events.ts'
import { openFollow } from './follow.ts'
import { openHearing, peerHex } from './hearing.ts'
import { openInbox } from './inbox.ts'
import { ANSWER, type Inside } from './inside.ts'
import { openKeep } from './keep.ts'
import { type Learner, openLearner } from './learner.ts'
import { keepLearned, teachingOf } from './learning.ts'
import { modelProcess } from './model-process.ts'
import { type ModelWork, modelWork } from './model-work.ts'
import { openOwn } from './own.ts'
import { type OwnLearner, readStart } from './own-learner.ts'
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
  readonly directory: string
  /** The model of who has one of its own. */
  readonly own?: OwnLearner
  /** What the model computes with: an executor of this process, or a learner that several share. By default a process of its own. */
  readonly executor?: Executor
  readonly learner?: Learner
  /** Told of peers that have shared as participants what no honest one shares; a network takes standing from them. */
  readonly blame?: (peer: PeerId, why: string) => void
  /** Told of what was done, and of what was refused. */
  readonly tell?: (event: ParticipantEvent) => void
}

/** How a participant stands after a look at the chain. */
export type Turn = Omit<Due, 'duties'> & {
  readonly now: number
  /** Duties that were carried out. */
  readonly did: number
  /** Whether something is expected of others before the next stage. */
  readonly waits: boolean
  /** Whether the model is at work. */
  readonly computes: boolean
}

export type Participant = {
  /** Reads the chain, takes in what was heard, does what is due, and says again what others may have missed. */
  readonly turn: (stays?: boolean) => Promise<Turn>
  readonly view: () => SwarmView | undefined
  /** The model: after how many rounds, in which file, and the root of its parameters once it is opened. */
  readonly model: () => { readonly round: number; readonly file: string; readonly root: Hex | undefined }
  readonly close: () => void
}

/** The most bytes that the executor of a model's process may take. */
const MODEL_MEMORY = 2 ** 32

/**
 * A participant of a swarm over a chain and a network. Its model computes beside the turns, by default in a process of its own,
 * so what is due on the chain never waits for it. All that it does follows from the chain's events and its own files,
 * and what it commits to is on the disk before it is sent: one that was killed is opened again and goes on.
 */
export const openParticipant = async (options: ParticipantOptions): Promise<Result<Participant>> => {
  const { market, manifest, swarm, topic, tell = () => {} } = options
  const { calls } = market
  const account = options.account.toLowerCase() as Hex
  const peer = peerHex(options.peerId)
  const keep = await openKeep(options.directory, account, swarm)
  const loaded = await keep.load()
  if (!loaded.ok) return loaded
  const follow = openFollow(market, swarm, options.fromBlock)
  await follow.read()
  const terms = agreedTerms(swarm, follow.view(), manifest)
  if (!terms.ok) return terms
  const own = openOwn(
    keep,
    loaded.value ?? { learned: 0, levels: firstLevels(manifest.families), rounds: [] },
  )
  const isFirst = !(await keep.hasModel(own.now().learned))
  if (isFirst && own.now().learned > 0)
    return fail({
      code: 'participant-damaged',
      field: `model after round ${own.now().learned}`,
      value: 'missing',
      limit: 'a file of this directory',
      remedy: 'Restore the directory, or join with another account in another one.',
    })
  const model = await workOf(options)
  const families = familyTable(
    everyFamily.filter(({ name }) => manifest.families.some(({ family }) => family === name)),
  )

  const arithmetic = arithmeticOf(manifest, families)
  const view = (): SwarmView => follow.view()!
  const roundAt = (number: number): RoundView | undefined => view().rounds[number - 1]
  const seatIn = (round: RoundView, who: Hex): number | undefined =>
    seatOf(round, who, view().members.get(who)?.seat)
  const hearing = openHearing(() => ({
    families,
    kinds: manifest.families,
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
    ...{ market, manifest, swarm, account, terms: terms.value, arithmetic, families, own },
    ...{ hearing, view, roundAt, seatIn, send, tell, hears: options.hears ?? (() => true) },
  }
  const inbox = openInbox(topic, swarm, hearing, {
    isParticipant: (author) => follow.peers().has(peerHex(author)),
    most: budgetOf(manifest) + 3,
    newest: () => view().rounds.length,
    roundAt,
    blame: options.blame ?? (() => {}),
  })
  let root: Hex | undefined
  const telling = openTelling(inside, topic, () => root)
  const doubts = openDoubting(inside)
  const { stand, finish } = openStanding(inside)
  const disputing = openDisputing(inside, executorOf(options), options.fromBlock)
  const computing = openComputing((what, error) => {
    // Whatever it was, the next piece of work begins with the model as it is on the disk.
    root = undefined
    tell({ event: 'failed', what, why: error.message })
  })
  /** Whether a result that this turn had a use for was not there yet. */
  let isComputing = false
  const compute: Compute = (what, round, work, stage = ANSWER) => {
    const result = computing.take(`${what} ${round} ${stage}`, () => {
      tell({ event: 'computing', what, round })
      return work()
    })
    isComputing ||= result === undefined
    return result
  }
  /** Opens the model as it is on the disk; the first one is made there. */
  const openModel = async (): Promise<void> => {
    const { learned } = own.now()
    const isMade = await keep.hasModel(learned)
    const opened = compute('open', learned, () =>
      model.open(isMade ? keep.modelFile(learned) : keep.draftFile(learned), !isMade),
    )
    if (opened === undefined) return
    if (!isMade) await keep.keepModel(learned)
    root = opened.done
  }
  const { play, isMissing } = openPlaying(inside, model, (...work) =>
    root === undefined ? undefined : compute(...work),
  )
  const learn = async (round: RoundView): Promise<Result<unknown> | 'later'> => {
    if (root === undefined) return 'later'
    const taught = compute('learn', round.round, () => model.learn(teachingOf(inside, keep, round)))
    if (taught === undefined) return 'later'
    const metrics = await keepLearned(inside, keep, round, taught.done, telling.takeBytes())
    root = taught.done.root
    tell({ event: 'metrics', ...metrics })
    await telling.metrics(metrics)
    if (taught.done.receipt !== undefined) await telling.receipt(taught.done.receipt)
    return ok(undefined)
  }

  /** Carries a duty out; `later` where it is not its time although the chain would take it. */
  const carryOut = async (duty: SwarmDuty, now: number): Promise<Result<unknown> | 'later'> => {
    switch (duty.do) {
      case 'join':
        return send(calls.joinSwarm(swarm, peer))
      case 'announce':
        return send(calls.announcePeer(swarm, peer))
      case 'learn':
        return learn(roundAt(duty.round)!)
      case 'play':
        return play(roundAt(duty.round)!, duty.stage, now)
      case 'claim': {
        const mine = own.at(roundAt(duty.round)!)
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
    for (const round of view().rounds)
      if (round.settled && own.at(round) === undefined) hearing.forget(round.round)
    const { learned: last, rounds } = own.now()
    const kept = rounds.filter(({ round }) => !roundAt(round)?.settled || round > last)
    if (kept.length < rounds.length) await own.save({ rounds: kept })
  }

  return ok({
    view,
    model: () => {
      const { learned } = own.now()
      return { round: learned, file: keep.modelFile(learned), root }
    },
    close: () => {
      inbox.close()
      disputing.close()
      model.close()
    },
    turn: async (stays = true) => {
      isComputing = false
      await follow.read()
      inbox.takeIn()
      const now = await market.now()
      const { rounds, learned } = own.now()
      // Who leaves needs no model but for what it has yet to learn from.
      if (root === undefined && (stays || rounds.some(({ round }) => round > learned))) await openModel()
      const answered = view().rounds.flatMap((round) => (own.at(round) ? [round.round] : []))
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
        tell({ event: 'doing', duty })
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
      return {
        ...{ now, next: times.length === 0 ? undefined : Math.min(...times), over: due.over, did },
        ...{ waits: waits || isDrawing, computes: isComputing },
      }
    },
  })
}

const workOf = async ({ manifest, own, executor, learner }: ParticipantOptions): Promise<ModelWork> => {
  if (learner !== undefined) return modelWork(learner)
  const terms = { manifest: own?.manifest ?? manifest, ...(own?.start && { start: own.start }) }
  if (executor === undefined) return modelProcess({ ...terms, threads: 1, memory: MODEL_MEMORY })
  const opened = await openLearner(executor, terms.manifest, await readStart(terms.start))
  return { ...modelWork(opened), close: opened.close }
}

/** What disputes about scores are played with: few are, so it is opened with the first. */
const executorOf = ({ executor }: ParticipantOptions): (() => Promise<Executor>) => {
  let opened: Promise<Executor> | undefined
  return () => (opened ??= executor ? Promise.resolve(executor) : openExecutor({ threads: 1 }, MODEL_MEMORY))
}
