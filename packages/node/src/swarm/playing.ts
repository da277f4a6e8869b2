import { randomBytes } from 'node:crypto'
import type { Hex } from '@lockstep/proof'
import { commitmentOf, levelsOf, type Part, type SwarmTask, timesOf } from '@lockstep/swarm'
import type { Result } from '@lockstep/tensor'
import { textsRoot } from './arithmetic.ts'
import type { Compute } from './computing.ts'
import { openCritic, openOracle } from './critic.ts'
import { ANSWER, CRITIQUE, type Inside, ZERO } from './inside.ts'
import type { ModelWork, Question } from './model-work.ts'
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

/** @param compute Begins the model's work beside the turns, or gives what it came to; undefined while it is under way */
export const openPlaying = (
  inside: Inside,
  model: Pick<ModelWork, 'answer' | 'judge' | 'likeliest'>,
  compute: Compute,
): Playing => {
  const { market, manifest, swarm, account, arithmetic, families, own, hearing, send } = inside
  const isByModel = manifest.rounds.judging === 'model'
  const critic = isByModel
    ? openCritic({ account, arithmetic, families, own, hearing }, model)
    : openOracle(inside)
  const partOf = (tasks: readonly SwarmTask[], texts: readonly string[], votes: readonly number[]): Part => ({
    root: textsRoot(texts),
    scores: tasks.map((task, i) => arithmetic.scoreOf(task, texts[i]!)),
    votes,
    salt: `0x${randomBytes(32).toString('hex')}`,
  })

  /** Takes the model's answers once they are there; the model computes them beside the turns. */
  const answerRound = async (round: RoundView, seat: number): Promise<void> => {
    const levels = levelsOf(manifest.families, own.now().levels)
    const question: Question = {
      ...{ seed: arithmetic.seedOf(round), round: round.round, seat },
      own: arithmetic.ownTasksOf(round, seat, levels),
      shared: arithmetic.tasksOf(round),
    }
    const answered = compute('answer', round.round, () => model.answer(question))
    if (answered === undefined) return
    const { texts, ...rest } = answered.done
    await own.saveRound({
      ...{ round: round.round, seed: round.seed, seat, texts: { [ANSWER]: texts }, ...rest },
      parts: { [ANSWER]: partOf(question.shared, texts, []) },
    })
    inside.tell({ event: 'saved', what: 'answers', round: round.round })
  }

  /** What this participant says in a later stage, from what it has heard of the first answers. */
  const laterPart = async (
    round: RoundView,
    seat: number,
    stage: number,
  ): Promise<[Part, readonly string[] | undefined]> => {
    const salt: Hex = `0x${randomBytes(32).toString('hex')}`
    if (stage === CRITIQUE) {
      const { scores, texts } = await critic.critique(round, seat)
      return [{ root: texts === undefined ? ZERO : textsRoot(texts), scores, votes: [], salt }, texts]
    }
    const resolutions = await critic.resolve(round, seat)
    const texts = resolutions.map(({ text }) => text)
    const votes = resolutions.map(({ vote }) => vote)
    return [{ ...partOf(arithmetic.tasksOf(round), texts, votes), salt }, texts]
  }

  /** Accounts that have answered a round and of which something expected was not heard yet. */
  const isMissing = (round: RoundView, stage: number, now: number): boolean => {
    const rules = rulesOf(inside.view())
    const isOver = now >= timesOf(rules, round.begin, 'answer')!.to
    const critiques = timesOf(rules, round.begin, 'critique')
    const isJudged = isByModel && critiques !== undefined && now >= critiques.to
    const groups = new Map<Hex, number>()
    for (const { participant } of hearing.groups(round.round))
      groups.set(participant, (groups.get(participant) ?? 0) + 1)
    return [...round.entries.values()].some(({ account: who, submitted }) => {
      if (who === account || !submitted.includes(ANSWER) || !inside.hears(who)) return false
      const isUnheard = (of: number): boolean => hearing.answers(round.round, who, of) === undefined
      if (isJudged && submitted.includes(CRITIQUE) && isUnheard(CRITIQUE)) return true
      if (stage !== ANSWER || isOver) return isUnheard(ANSWER)
      return (groups.get(who) ?? 0) < manifest.learning.groups
    })
  }

  const play = async (round: RoundView, stage: number, now: number): Promise<Result<unknown> | 'later'> => {
    const seat = inside.seatIn(round, account)!
    if (stage === ANSWER && own.at(round) === undefined) await answerRound(round, seat)
    const mine = own.at(round)
    // A model that has learned meanwhile is another one: a stage that was missed stays missed.
    if (mine === undefined) return 'later'
    if (stage !== ANSWER && mine.parts[stage] === undefined) {
      const { from, to } = timesOf(
        rulesOf(inside.view()),
        round.begin,
        stage === CRITIQUE ? 'critique' : 'resolve',
      )!
      if (isMissing(round, stage, now) && now < from + PATIENCE * (to - from)) return 'later'
      const said = (): ReturnType<typeof laterPart> => laterPart(round, seat, stage)
      const later = isByModel ? compute('judge', round.round, said, stage) : { done: await said() }
      if (later === undefined) return 'later'
      const [part, texts] = later.done
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
    const commitment = commitmentOf({ ...place, account }, own.at(round)!.parts[stage]!)
    return send(market.calls.submitStage(swarm, round.round, stage, commitment))
  }

  return { play, isMissing }
}
