import {
  chanceByReading,
  type Experience,
  type HeardCritique,
  type Judging,
  judgementOf,
  type Known,
  pluralityOf,
  resolveTask,
  scaleOf,
  seatWithMost,
  shiftOf,
  trustOf,
} from '@lockstep/swarm'
import type { Judged, JudgedTask } from './judging.ts'

/** Whom a participant hears beside itself: nobody, the one judge that the game has for each answer, or everybody. */
export const CRITICS = ['nobody', 'one judge', 'everybody'] as const
export type Critics = (typeof CRITICS)[number]

/** Parts of the held-out tasks. */
export type Resolved = {
  readonly finals: number // right final answers out of first ones, mean of participants
  readonly revised: number // the same where a participant may also answer what its model holds likeliest
  readonly game: number // right resolved answers, by votes that weigh what the voter solved in earlier rounds
  readonly told: number // of pairs of a right and a wrong answer, those that a judge tells apart; a half by chance
  readonly trust: number // mean of the judges
}

export const meanOf = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length

const seatsOf = ({ now }: Judged): number[] => [...now[0]!.bySeat.keys()]
/** How many different first answers there are: texts behind them are revisions only. */
const givenOf = ({ bySeat }: JudgedTask): number => Math.max(...bySeat) + 1
const answersOf = ({ texts, bySeat }: JudgedTask): string[] => bySeat.map((i) => texts[i]!)
const isRight = ({ texts, right }: JudgedTask, text: string | undefined): number =>
  text !== undefined && right[texts.indexOf(text)] ? 1 : 0

/** What nobody has judged: parts of the held-out tasks. */
export const unjudged = (judged: Judged) => {
  const of = (tasks: readonly JudgedTask[], seat: number): number =>
    meanOf(tasks.map((task) => (task.right[task.bySeat[seat]!] ? 1 : 0)))
  const each = seatsOf(judged).map((seat) => of(judged.now, seat))
  return {
    first: meanOf(each),
    best: Math.max(...each),
    majority: meanOf(judged.now.map((task) => isRight(task, pluralityOf(answersOf(task))))),
    likeliest: meanOf(judged.now.flatMap(({ revisions, right }) => revisions.map((i) => (right[i] ? 1 : 0)))),
    any: meanOf(judged.now.map(({ bySeat, right }) => (bySeat.some((i) => right[i]) ? 1 : 0))),
  }
}

export const resolvedBy = (judged: Judged, judging: Judging, critics: Critics): Resolved => {
  const { earlier, now } = judged
  const seats = seatsOf(judged)
  const experience = (seat: number, tasks: readonly JudgedTask[]): Experience[] =>
    tasks.flatMap((task) =>
      task.right
        .slice(0, givenOf(task))
        .map((right, i) => ({ reading: task.readings[seat]![i] ?? undefined, right })),
    )
  const half = earlier.length >> 1
  const [known, tried] = [earlier.slice(0, half), earlier.slice(half)]
  // What a judge said before it had seen the scores: only that shows how far it is to be trusted.
  const trust = seats.map((seat) => {
    const scale = scaleOf(judging, experience(seat, known))
    return trustOf(
      experience(seat, tried).map(({ reading, right }) => ({
        judgement: judgementOf(chanceByReading(judging, scale, reading)),
        right,
      })),
    )
  })
  const scales = seats.map((seat) => scaleOf(judging, experience(seat, earlier)))
  const weights = seats.map((seat) =>
    earlier.reduce((sum, { right, bySeat }) => sum + (right[bySeat[seat]!] ? 1 : 0), 0),
  )
  const chance = (seat: number, { texts, readings }: JudgedTask, text: string): number =>
    chanceByReading(judging, scales[seat], readings[seat]![texts.indexOf(text)] ?? undefined)
  const round = `0x${judged.seed.toString(16).padStart(64, '0')}` as const
  const [finals, revised, game]: [number[], number[], number[]] = [[], [], []]
  for (const [t, task] of now.entries()) {
    const answers = answersOf(task)
    const shift = shiftOf(round, t, seats.length)
    const critiques = seats.flatMap((judge): HeardCritique[] => {
      const subjects =
        critics === 'everybody' ? seats.filter((seat) => seat !== judge) : [(judge + shift) % seats.length]
      return subjects.map((subject) => ({
        ...{ judge, subject, judgement: judgementOf(chance(judge, task, answers[subject]!)) },
      }))
    })
    const known = (seat: number): Known => ({
      ...{ seat, answers, critiques: critics === 'nobody' ? [] : critiques },
      own: (text) => chance(seat, task, text),
      trust: (judge) => trust[judge]!,
    })
    const resolutions = seats.map((seat) => resolveTask(known(seat)))
    for (const seat of seats) {
      const revision = task.texts[task.revisions[seat]!]!
      revised.push(isRight(task, resolveTask({ ...known(seat), revision }).text))
    }
    finals.push(...resolutions.map(({ text }) => isRight(task, text)))
    const winner = seatWithMost(
      resolutions.map(({ vote }) => vote),
      weights,
    )
    game.push(isRight(task, winner === undefined ? undefined : answers[winner]))
  }
  return {
    finals: meanOf(finals),
    revised: meanOf(revised),
    game: meanOf(game),
    told: meanOf(seats.map((seat) => toldApart(now, (task, text) => chance(seat, task, text)))),
    trust: meanOf(trust),
  }
}

const toldApart = (
  tasks: readonly JudgedTask[],
  chance: (task: JudgedTask, text: string) => number,
): number => {
  const all = tasks.flatMap((task) =>
    task.texts
      .slice(0, givenOf(task))
      .map((text, i) => ({ chance: chance(task, text), right: task.right[i] })),
  )
  const [right, wrong] = [true, false].map((side) => all.filter((one) => one.right === side)) as [
    typeof all,
    typeof all,
  ]
  const sum = right.reduce(
    (total, a) =>
      total + wrong.reduce((s, b) => s + (a.chance > b.chance ? 1 : a.chance === b.chance ? 0.5 : 0), 0),
    0,
  )
  return sum / (right.length * wrong.length)
}
