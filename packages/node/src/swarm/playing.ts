import { randomBytes } from 'node:crypto'
import type { Hex } from '@lockstep/proof'
import {
  commitmentOf,
  draws,
  type Part,
  PURPOSE,
  SHARE_LIMITS,
  type SwarmTask,
  subjectOf,
  timesOf,
} from '@lockstep/swarm'
import type { Result, Tensor } from '@lockstep/tensor'
import { textsRoot } from './arithmetic.ts'
import { ANSWER, CRITIQUE, type Inside, ZERO } from './inside.ts'
import { type RoundView, rulesOf } from './view.ts'

/** What a participant says in the stages of a round. */
export type Playing = {
  /** Answers, judges or votes, and commits to it; on the disk before it is sent. `later` while others are still waited for. */
  readonly play: (round: RoundView, stage: number, now: number) => Promise<Result<unknown> | 'later'>
  /** Whether something that is expected of others before a stage was not heard yet. */
  readonly isMissing: (round: RoundView, stage: number, now: number) => boolean
}

/** Of a stage of critiques or votes, the part in which one waits for others' answers. */
const PATIENCE = 0.5

/** @param state The model's */
export const openPlaying = (inside: Inside, state: () => readonly Tensor[]): Playing => {
  const { market, manifest, swarm, account, arithmetic, learner, own, hearing, send } = inside
  const partOf = (tasks: readonly SwarmTask[], texts: readonly string[], votes: readonly number[]): Part => ({
    root: textsRoot(texts),
    scores: tasks.map((task, i) => arithmetic.scoreOf(task, texts[i]!)),
    votes,
    salt: `0x${randomBytes(32).toString('hex')}`,
  })

  const answerRound = async (round: RoundView, seat: number): Promise<void> => {
    const begun = performance.now()
    const drawn = draws(arithmetic.seedOf(round), PURPOSE.generation, round.round, seat)
    const groups = await learner.groups(state(), arithmetic.ownTasksOf(round, seat), drawn.word())
    const tasks = arithmetic.tasksOf(round)
    const prompts = tasks.map(
      ({ family, seed, level }) => learner.families.get(family)!.play(seed, level).prompt,
    )
    const readable = prompts.filter(learner.canRead)
    const written = await learner.complete(state(), readable, drawn.word())
    const texts = prompts.map((prompt) => {
      const text = learner.canRead(prompt) ? written[readable.indexOf(prompt)]!.text : ''
      return text.length <= SHARE_LIMITS.textCharacters ? text : ''
    })
    const all = [...groups.flatMap(({ completions }) => completions), ...written]
    await own.saveRound({
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
    const tasks = arithmetic.tasksOf(round)
    const salt: Hex = `0x${randomBytes(32).toString('hex')}`
    const answersOf = (at: number): readonly string[] | undefined => {
      const who = round.entries.get(at)?.account
      if (who === undefined) return undefined
      return who === account ? own.at(round.round)?.texts[ANSWER] : hearing.answers(round.round, who, ANSWER)
    }
    if (stage === CRITIQUE) {
      const judged = tasks.map((task, i) => {
        const subject = subjectOf(round.seed, i, round.seats, seat)
        const answers = subject === undefined ? undefined : answersOf(subject)
        return answers === undefined ? 0 : 1 + arithmetic.scoreOf(task, answers[i]!)
      })
      return [{ root: ZERO, scores: judged, votes: [], salt }, undefined]
    }
    const choices = tasks.map((task, i) => {
      let [best, text, vote, most] = [-1, '', 0, 0]
      const order = [seat, ...Array.from({ length: round.seats }, (_, at) => at).filter((at) => at !== seat)]
      for (const at of order) {
        const answer = answersOf(at)?.[i]
        if (answer === undefined) continue
        const score = arithmetic.scoreOf(task, answer)
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
    const rules = rulesOf(inside.view())
    const isOver = now >= timesOf(rules, round.begin, 'answer')!.to
    return [...round.entries.values()].some(({ account: who, submitted }) => {
      if (who === account || !submitted.includes(ANSWER)) return false
      if (stage !== ANSWER || isOver) return hearing.answers(round.round, who, ANSWER) === undefined
      const theirs = hearing.groups(round.round).filter(({ participant }) => participant === who)
      return theirs.length < manifest.learning.groups
    })
  }

  const play = async (round: RoundView, stage: number, now: number): Promise<Result<unknown> | 'later'> => {
    const seat = inside.seatIn(round, account)!
    if (stage === ANSWER && own.at(round.round) === undefined) await answerRound(round, seat)
    const mine = own.at(round.round)
    // A model that has learned meanwhile is another one: a stage that was missed stays missed.
    if (mine === undefined) return 'later'
    if (stage !== ANSWER && mine.parts[stage] === undefined) {
      const { from, to } = timesOf(
        rulesOf(inside.view()),
        round.begin,
        stage === CRITIQUE ? 'critique' : 'resolve',
      )!
      if (isMissing(round, stage, now) && now < from + PATIENCE * (to - from)) return 'later'
      const [part, texts] = laterPart(round, seat, stage)
      await own.saveRound({
        ...mine,
        parts: { ...mine.parts, [stage]: part },
        texts: texts === undefined ? mine.texts : { ...mine.texts, [stage]: texts },
      })
    }
    const place = {
      chainId: market.connection.chainId,
      contract: market.addresses.swarms,
      swarm,
      round: round.round,
      stage,
    }
    const commitment = commitmentOf({ ...place, account }, own.at(round.round)!.parts[stage]!)
    return send(market.calls.submitStage(swarm, round.round, stage, commitment))
  }

  return { play, isMissing }
}
