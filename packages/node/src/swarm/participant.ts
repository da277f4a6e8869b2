import { randomBytes } from 'node:crypto'
import { appendFile } from 'node:fs/promises'
import { type SwarmManifest, type SwarmMessage, swarmManifestHash, swarmTermsOf } from '@lockstep/client'
import { type Call, ChainError, type MarketChain, scoreTaskTerms } from '@lockstep/contracts'
import type { Topic } from '@lockstep/network'
import { type Hex, taskFields, toHex } from '@lockstep/proof'
import {
  answerPath,
  answersRoot,
  claimScore,
  commitmentOf,
  type DrawnTask,
  drawnTask,
  draws,
  encodeSharedGroup,
  endsOf,
  ownTasks,
  type Part,
  PURPOSE,
  packBytes,
  SHARE_LIMITS,
  type SwarmTask,
  scoreTask,
  subjectOf,
  timesOf,
  unpackBytes,
} from '@lockstep/swarm'
import { type Executor, fail, ok, type Result, type Tensor, unwrap } from '@lockstep/tensor'
import type { Address } from 'viem'
import { type Doubt, type Due, type SwarmDuty, seatOf, swarmDuties } from './duties.ts'
import { type Heard, openHearing, peerHex } from './hearing.ts'
import { type OwnRound, type OwnState, openKeep } from './keep.ts'
import { type OwnGroup, openLearner } from './learner.ts'
import { type RoundView, rulesOf, type SwarmView, stepView } from './view.ts'

export type ParticipantOptions = {
  readonly market: MarketChain
  /** The first block that can have anything of the market. */
  readonly fromBlock: number
  /** Who takes part; the connection's account, or one that has delegated to it. */
  readonly account: Address
  readonly swarm: number
  readonly manifest: SwarmManifest
  readonly topic: Pick<Topic<SwarmMessage>, 'publish' | 'subscribe'>
  readonly peerId: string
  readonly executor: Executor
  readonly directory: string
  /** Told of what was done, and of what was refused. */
  readonly tell?: (event: ParticipantEvent) => void
}

export type ParticipantEvent =
  | { readonly event: 'did'; readonly duty: SwarmDuty }
  | { readonly event: 'refused'; readonly duty: SwarmDuty; readonly why: string }
  | ({ readonly event: 'metrics' } & SwarmMetrics)

/** What a round came to for a participant: a line of its metrics. */
export type SwarmMetrics = {
  readonly round: number
  readonly seat: number
  /** Mean reward of own answers, by family and level, with how many there were. */
  readonly rewards: readonly {
    readonly family: string
    readonly level: number
    readonly reward: number
    readonly answers: number
  }[]
  readonly useful: number // own groups that teach anything
  readonly local: number // groups that were learned from
  readonly external: number
  readonly heard: number // groups of others
  readonly refused: number // messages of others
  readonly nats: number
  readonly loss: number
  /** Of the others' answers to the round's tasks that were heard, the part that equals the own; null where none was. */
  readonly agreement: number | null
  readonly tokens: number
  readonly tokensPerSecond: number
  readonly bytes: number // sent in this round
}

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

const ZERO: Hex = `0x${'00'.repeat(32)}`
/** Messages that wait to be read, or for the chain. */
const MAX_INBOX = 4096
/** Of a stage of critiques or votes, the part in which one waits for others' answers. */
const PATIENCE = 0.5
const ANSWER = 0
const CRITIQUE = 1
const RESOLVE = 2

const encoder = new TextEncoder()

/**
 * A participant of a swarm over a chain and a network. All that it does follows from the chain's events and its own files,
 * and what it commits to is on the disk before it is sent: one that was killed is opened again and goes on.
 */
export const openParticipant = async (options: ParticipantOptions): Promise<Result<Participant>> => {
  const { market, manifest, swarm, topic, executor, tell = () => {} } = options
  const { calls, addresses, connection, disputes } = market
  const account = options.account.toLowerCase() as Hex
  const keep = await openKeep(options.directory, account, swarm)
  const loaded = await keep.load()
  if (!loaded.ok) return loaded
  let own: OwnState = loaded.value ?? { learned: 0, rounds: [] }
  let view: SwarmView | undefined
  let readTo = options.fromBlock - 1

  const readChain = async (): Promise<void> => {
    const head = Number(await connection.reader.getBlockNumber())
    if (head <= readTo) return
    for (const event of await market.events(readTo + 1, head))
      if (event.contract === 'swarms') view = stepView(swarm, view, event as { name: string; args: object })
    readTo = head
  }
  await readChain()
  const terms = view?.terms
  if (terms === undefined || terms.manifest !== swarmManifestHash(manifest))
    return fail({
      code: terms === undefined ? 'swarm-unknown' : 'manifest-differs',
      field: terms === undefined ? 'swarm' : 'manifest',
      value: terms === undefined ? swarm : swarmManifestHash(manifest),
      limit: terms === undefined ? 'a swarm of this network' : `that of swarm ${swarm}, ${terms.manifest}`,
      remedy: 'Name the swarm that is meant, and give the manifest that it was created with.',
    })
  // What the creator has told the chain must be what the manifest says, the tasks above all.
  const expected = swarmTermsOf(manifest, { now: 0, minimumBond: bondOf(terms) })
  const wrong = expected.families.findIndex(
    ({ code, level }, i) => terms.families[i]?.code !== code || terms.families[i]?.level !== level,
  )
  if (wrong >= 0 || terms.families.length !== expected.families.length)
    return fail({
      code: 'manifest-differs',
      field: 'families',
      value: wrong >= 0 ? JSON.stringify(terms.families[wrong]) : terms.families.length,
      limit: 'the families of the manifest, as this version has them',
      remedy: 'Use the version of Lockstep that the swarm was created with.',
    })

  const learner = await openLearner(executor, manifest)
  const stored = await keep.loadModel(own.learned)
  let state: readonly Tensor[]
  if (stored !== undefined) state = unwrap(learner.decode(stored))
  else {
    if (own.learned > 0) {
      learner.close()
      return fail({
        code: 'participant-damaged',
        field: `model after round ${own.learned}`,
        value: 'missing',
        limit: 'a file of this directory',
        remedy: 'Restore the directory, or join with another account in another one.',
      })
    }
    state = await learner.first()
    await keep.saveModel(0, learner.encode(state))
  }

  const kindOf = ({ family, seed }: DrawnTask): SwarmTask => ({ ...manifest.families[family]!, seed })
  const roundSeed = ({ seed }: RoundView): number => Number(BigInt(seed) & 0xffffffffn)
  const tasksOf = (round: RoundView): SwarmTask[] =>
    Array.from({ length: manifest.rounds.tasks }, (_, i) =>
      kindOf(drawnTask(round.seed, i, manifest.families.length)),
    )
  const scoreOf = (task: SwarmTask, answer: string): number =>
    learner.families.get(task.family)!.run(task.seed, task.level, answer).score
  const roundAt = (number: number): RoundView | undefined => view?.rounds[number - 1]
  const ownAt = (number: number): OwnRound | undefined => own.rounds.find(({ round }) => round === number)
  const save = async (change: Partial<OwnState>): Promise<void> => {
    const next = { ...own, ...change }
    await keep.save(next)
    own = next
  }
  const saveRound = (round: OwnRound): Promise<void> =>
    save({ rounds: [...own.rounds.filter((one) => one.round !== round.round), round] })

  const known = new Map<string, readonly SwarmTask[]>()
  const seatIn = (round: RoundView, who: Hex): number | undefined =>
    seatOf(round, who, view?.members.get(who)?.seat)
  const hearing = openHearing(() => ({
    families: learner.families,
    groupSize: manifest.learning.groupSize,
    tasks: manifest.rounds.tasks,
    peerOf: (who) => view?.members.get(who)?.peer,
    isLive: (round) => {
      const found = roundAt(round)
      return found !== undefined && !found.settled
    },
    ownTasksOf: (number, who) => {
      const round = roundAt(number)
      const seat = round && seatIn(round, who)
      return seat === undefined ? undefined : tasksAt(round!, seat)
    },
  }))
  const tasksAt = (round: RoundView, seat: number): readonly SwarmTask[] => {
    const key = `${round.round} ${seat}`
    const found =
      known.get(key) ??
      ownTasks(learner.families, manifest.families, {
        ...{ seed: roundSeed(round), round: round.round, member: seat, count: manifest.learning.groups },
      })
    known.set(key, found)
    return found
  }

  let inbox: Heard[] = []
  const stop = topic.subscribe(({ author, body }) => {
    if (body.swarm === swarm && inbox.length < MAX_INBOX) inbox.push({ author, body })
  })
  const takeIn = (): void => {
    const waiting = inbox
    inbox = []
    for (const message of waiting) {
      // What is of the next round, or of an account that joins now, will be of use when the chain says so.
      const isWaiting = hearing.take(message) === 'waits' && roundAt(roundOf(message))?.settled !== true
      if (isWaiting && inbox.length < MAX_INBOX / 2) inbox.push(message)
    }
  }
  const roundOf = ({ body }: Heard): number =>
    body.kind === 'answers' ? body.round : Number(Buffer.from(body.group, 'base64').readUInt32BE(53))

  let bytesSent = 0
  const say = async (body: SwarmMessage): Promise<void> => {
    // What cannot be sent now is said again with the next turn.
    const said = await topic.publish(body)
    if (said.ok) bytesSent += JSON.stringify(body).length
  }
  const told = new Map<string, number>()
  /** Says a round's groups and answers, a few times: whoever was away hears them later. */
  const tellAll = async (now: number): Promise<void> => {
    const rules = rulesOf(view!)
    for (const mine of own.rounds) {
      const round = roundAt(mine.round)
      if (round === undefined || round.settled) continue
      const ends = endsOf(rules, round.begin)
      const often = async (key: string, messages: () => readonly SwarmMessage[]): Promise<void> => {
        const at = told.get(key)
        if (at !== undefined && performance.now() - at < RETELL_MS) return
        told.set(key, performance.now())
        for (const message of messages()) await say(message)
      }
      if (now < ends.claims && mine.groups.length > 0)
        await often(`${mine.round} groups`, () => groupMessages(mine.round, mine.groups))
      for (const [stage, end] of [
        [ANSWER, timesOf(rules, round.begin, 'answer')!.to],
        [RESOLVE, ends.stages],
      ] as const) {
        const answers = mine.texts[stage]
        if (answers === undefined || now < end || now >= ends.challenges) continue
        const { round: number } = mine
        await often(`${number} ${stage}`, () => [
          { kind: 'answers', swarm, round: number, stage, participant: account, answers: [...answers] },
        ])
      }
    }
  }
  const groupMessages = (round: number, groups: readonly OwnGroup[]): SwarmMessage[] => {
    const modelRoot = learner.modelRoot(state)
    return groups
      .filter(({ group }) => group.rollouts.every(({ text }) => text.length <= SHARE_LIMITS.textCharacters))
      .map(({ group: { task, rollouts } }) => ({
        kind: 'group',
        swarm,
        group: Buffer.from(
          encodeSharedGroup({ participant: account, modelRoot, round, task, rollouts }),
        ).toString('base64'),
      }))
  }

  /** False claims among those whose answers were heard; each seat is computed once. */
  const doubtsAbout = new Map<string, readonly Doubt[]>()
  const doubts = (): Doubt[] =>
    (view?.rounds ?? []).flatMap((round) =>
      round.settled
        ? []
        : [...round.entries].flatMap(([seat, { account: who, opened }]) =>
            [ANSWER, RESOLVE].flatMap((stage) => {
              const part = opened?.get(stage)
              const answers = hearing.answers(round.round, who, stage)
              if (part === undefined || answers === undefined || who === account) return []
              const key = `${round.round} ${seat} ${stage}`
              const found = doubtsAbout.get(key) ?? falseScores(round, seat, stage, part, answers)
              doubtsAbout.set(key, found)
              return found
            }),
          ),
    )
  const falseScores = (
    round: RoundView,
    seat: number,
    stage: number,
    { root, scores }: { readonly root: Hex; readonly scores: Hex },
    answers: readonly string[],
  ): Doubt[] => {
    if (answersRoot(answers.map((text) => encoder.encode(text))) !== root.toLowerCase()) return []
    const claimed = unpackBytes(scores, manifest.rounds.tasks)
    return tasksOf(round).flatMap((one, task) =>
      scoreOf(one, answers[task]!) === claimed[task] ? [] : [{ round: round.round, seat, stage, task }],
    )
  }

  /** Whether a duty is done now; a fault says that the chain has refused it. */
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

  const partOf = (tasks: readonly SwarmTask[], texts: readonly string[], votes: readonly number[]): Part => ({
    root: answersRoot(texts.map((text) => encoder.encode(text))),
    scores: tasks.map((task, i) => scoreOf(task, texts[i]!)),
    votes,
    salt: `0x${randomBytes(32).toString('hex')}`,
  })

  const answerRound = async (round: RoundView, seat: number): Promise<void> => {
    const begun = performance.now()
    const drawn = draws(roundSeed(round), PURPOSE.generation, round.round, seat)
    const groups = await learner.groups(state, tasksAt(round, seat), drawn.word())
    const tasks = tasksOf(round)
    const prompts = tasks.map(
      ({ family, seed, level }) => learner.families.get(family)!.play(seed, level).prompt,
    )
    const readable = prompts.filter(learner.canRead)
    const written = await learner.complete(state, readable, drawn.word())
    const texts = prompts.map((prompt) => {
      const text = learner.canRead(prompt) ? written[readable.indexOf(prompt)]!.text : ''
      return text.length <= SHARE_LIMITS.textCharacters ? text : ''
    })
    const all = [...groups.flatMap(({ completions }) => completions), ...written]
    await saveRound({
      ...{ round: round.round, seat, groups, texts: { [ANSWER]: texts } },
      parts: { [ANSWER]: partOf(tasks, texts, []) },
      tokens: all.reduce((sum, { tokens }) => sum + tokens.length, 0),
      milliseconds: performance.now() - begun,
    })
  }

  /** What this participant says in a later stage, from what it has heard of the first answers. */
  const laterPart = (
    round: RoundView,
    seat: number,
    stage: number,
  ): [Part, readonly string[] | undefined] => {
    const tasks = tasksOf(round)
    const salt: Hex = `0x${randomBytes(32).toString('hex')}`
    const answersOf = (at: number): readonly string[] | undefined => {
      const who = round.entries.get(at)?.account
      if (who === undefined) return undefined
      return who === account ? ownAt(round.round)?.texts[ANSWER] : hearing.answers(round.round, who, ANSWER)
    }
    if (stage === CRITIQUE) {
      const judged = tasks.map((task, i) => {
        const subject = subjectOf(round.seed, i, round.seats, seat)
        const answers = subject === undefined ? undefined : answersOf(subject)
        return answers === undefined ? 0 : 1 + scoreOf(task, answers[i]!)
      })
      return [{ root: ZERO, scores: judged, votes: [], salt }, undefined]
    }
    const choices = tasks.map((task, i) => {
      let [best, text, vote, most] = [-1, '', 0, 0]
      const order = [seat, ...Array.from({ length: round.seats }, (_, at) => at).filter((at) => at !== seat)]
      for (const at of order) {
        const answer = answersOf(at)?.[i]
        if (answer === undefined) continue
        const score = scoreOf(task, answer)
        if (score > best) [best, text] = [score, answer]
        if (at !== seat && score > most) [vote, most] = [at + 1, score]
      }
      return { text, vote }
    })
    const texts = choices.map(({ text }) => text)
    return [
      {
        ...partOf(
          tasks,
          texts,
          choices.map(({ vote }) => vote),
        ),
        salt,
      },
      texts,
    ]
  }

  /** Accounts that have answered a round and of which something expected was not heard yet. */
  const isMissing = (round: RoundView, stage: number, now: number): boolean => {
    const rules = rulesOf(view!)
    const isOver = now >= timesOf(rules, round.begin, 'answer')!.to
    return [...round.entries.values()].some(({ account: who, submitted }) => {
      if (who === account || !submitted.includes(ANSWER)) return false
      if (stage !== ANSWER || isOver) return hearing.answers(round.round, who, ANSWER) === undefined
      const theirs = hearing.groups(round.round).filter(({ participant }) => participant === who)
      return theirs.length < manifest.learning.groups
    })
  }

  const play = async (round: RoundView, stage: number, now: number): Promise<Result<unknown> | 'later'> => {
    const seat = seatIn(round, account)!
    if (stage === ANSWER && ownAt(round.round) === undefined) await answerRound(round, seat)
    const mine = ownAt(round.round)
    // A model that has learned meanwhile is another one: a stage that was missed stays missed.
    if (mine === undefined) return 'later'
    if (stage !== ANSWER && mine.parts[stage] === undefined) {
      const { from, to } = timesOf(rulesOf(view!), round.begin, stage === CRITIQUE ? 'critique' : 'resolve')!
      if (isMissing(round, stage, now) && now < from + PATIENCE * (to - from)) return 'later'
      const [part, texts] = laterPart(round, seat, stage)
      await saveRound({
        ...mine,
        parts: { ...mine.parts, [stage]: part },
        texts: texts === undefined ? mine.texts : { ...mine.texts, [stage]: texts },
      })
    }
    const place = {
      chainId: connection.chainId,
      contract: addresses.swarms,
      swarm,
      round: round.round,
      stage,
    }
    const commitment = commitmentOf({ ...place, account }, ownAt(round.round)!.parts[stage]!)
    return send(calls.submitStage(swarm, round.round, stage, commitment))
  }

  const learn = async (round: RoundView): Promise<void> => {
    const mine = ownAt(round.round)!
    const heard = hearing.groups(round.round).filter(({ participant }) => participant !== account)
    const drawn = draws(roundSeed(round), PURPOSE.choice, round.round, mine.seat)
    const before = bytesSent
    const { state: after, ...learned } = await learner.learn(state, mine.groups, heard, drawn)
    await keep.saveModel(round.round, learner.encode(after))
    const last = own.learned
    await save({
      learned: round.round,
      rounds: own.rounds.map((one) => (one.round === round.round ? { ...one, groups: [] } : one)),
    })
    state = after
    await keep.dropModel(last)
    const metrics: SwarmMetrics = {
      ...{ round: round.round, seat: mine.seat, rewards: rewardsOf(mine.groups), ...learned },
      useful: mine.groups.filter(({ group }) => learner.isUseful(group)).length,
      ...{ heard: heard.length, refused: hearing.refused(round.round), agreement: agreement(round, mine) },
      ...{ tokens: mine.tokens, tokensPerSecond: (1000 * mine.tokens) / mine.milliseconds, bytes: before },
    }
    bytesSent = 0
    await appendFile(keep.metricsFile, `${JSON.stringify(metrics)}\n`)
    tell({ event: 'metrics', ...metrics })
  }
  const rewardsOf = (groups: readonly OwnGroup[]): SwarmMetrics['rewards'] =>
    manifest.families.flatMap(({ family, level }) => {
      const some = groups.filter(({ group: { task } }) => task.family === family && task.level === level)
      if (some.length === 0) return []
      const reward = some.reduce((sum, { group }) => sum + learner.reward(group), 0) / some.length
      return [{ family, level, reward, answers: some.length * manifest.learning.groupSize }]
    })
  const agreement = (round: RoundView, mine: OwnRound): number | null => {
    const others = [...round.entries.values()].flatMap(({ account: who }) =>
      who === account
        ? []
        : (hearing.answers(round.round, who, ANSWER) ?? []).map((text, i) => ({ text, i })),
    )
    if (others.length === 0) return null
    return others.filter(({ text, i }) => text === mine.texts[ANSWER]![i]).length / others.length
  }

  const stand = async (number: number): Promise<Result<unknown>> => {
    const { round: at, stage, task } = view!.challenges.get(number)!
    const mine = ownAt(at)
    const texts = mine?.texts[stage]
    if (mine === undefined || texts === undefined)
      return fail({ code: 'answer-missing', field: 'round', value: at, limit: 'own answers', remedy: '' })
    const { family, seed, level } = tasksOf(roundAt(at)!)[task]!
    const answer = encoder.encode(texts[task]!)
    const question = { family: learner.families.get(family)!, seed, level, answer }
    const { root, opening } = claimScore(question)
    const { proof, families } = expected
    const place = { chainId: connection.chainId, contract: addresses.swarms }
    const { inputsRoot } = taskFields(scoreTask(question))
    const made = await disputes.createTask(scoreTaskTerms(place, number, proof, inputsRoot))
    if (!made.ok) return made
    const claim = await disputes.claim(made.value, toHex(root))
    if (!claim.ok) return claim
    const bytes = texts.map((text) => encoder.encode(text))
    return send(
      calls.standByScore(number, families, proof, {
        ...{ answer: `0x${Buffer.from(answer).toString('hex')}`, path: answerPath(bytes, task) },
        ...{ answersRoot: mine.parts[ANSWER]?.root ?? ZERO, finalsRoot: mine.parts[RESOLVE]?.root ?? ZERO },
        ...{ claim: claim.value, stateRoot: toHex(opening.stateRoot) },
        lastPath: opening.siblings.map(toHex),
      }),
    )
  }

  const finish = async (number: number, now: number): Promise<Result<unknown> | 'later'> => {
    const { status, claim } = view!.challenges.get(number)!
    if (status === 'open') return send(calls.finishChallenge(number))
    const { status: stands, until, open } = await disputes.readClaim(claim!)
    if (stands === 'standing') {
      if (now <= until || open > 0) return 'later'
      const final = await disputes.finalize(claim!)
      if (!final.ok) return final
    }
    return send(calls.finishChallenge(number))
  }

  /** Carries a duty out; `later` where it is not its time although the chain would take it. */
  const carryOut = async (duty: SwarmDuty, now: number): Promise<Result<unknown> | 'later'> => {
    switch (duty.do) {
      case 'join':
        return send(calls.joinSwarm(swarm, peerHex(options.peerId)))
      case 'announce':
        return send(calls.announcePeer(swarm, peerHex(options.peerId)))
      case 'learn':
        await learn(roundAt(duty.round)!)
        return ok(undefined)
      case 'play':
        return play(roundAt(duty.round)!, duty.stage, now)
      case 'claim': {
        const mine = ownAt(duty.round)
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
      case 'finish':
        return finish(duty.challenge, now)
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
    const over = own.rounds.filter(({ round }) => roundAt(round)?.settled && round <= own.learned)
    for (const { round } of view?.rounds ?? []) if (roundAt(round)?.settled) hearing.forget(round)
    if (over.length > 0) await save({ rounds: own.rounds.filter((one) => !over.includes(one)) })
  }

  return ok({
    view: () => view,
    model: () => ({ round: own.learned, state }),
    close: () => {
      stop()
      learner.close()
    },
    turn: async (stays = true) => {
      await readChain()
      takeIn()
      const now = await market.now()
      const due = swarmDuties(
        view!,
        {
          ...{ account, peer: peerHex(options.peerId), stays, doubts: doubts() },
          ...{ answered: own.rounds.map(({ round }) => round), learned: own.learned },
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
      await tellAll(now)
      await prune()
      const waits = (view?.rounds ?? []).some((round) => !round.settled && isMissing(round, ANSWER, now))
      return { now, next: due.next, over: due.over, did, waits: waits || isDrawing }
    },
  })
}

/** From one saying of the same to the next. */
const RETELL_MS = 2_000

/** The bond of a proof, which the chain's terms have and the manifest has not. */
const bondOf = (terms: SwarmView['terms']): bigint =>
  (terms as unknown as { readonly proof: { readonly bond: bigint } }).proof.bond
