import {
  accountOf,
  type Draws,
  decodeSharedGroup,
  draws,
  encodeSharedGroup,
  type Intruder,
  type LocalPlan,
  ownTasks,
  type SwarmTask,
  scoredGroup,
} from '@lockstep/swarm'
import { unwrap } from '@lockstep/tensor'

/** An attack of accounts that are admitted like any other: what they share is well formed, their own, and truly scored. */
export type Attack = {
  readonly about: string
  readonly strangers: number
  /** The answers of a group; undefined where the task is not answered. `size` of them. */
  readonly write: (
    task: SwarmTask,
    solution: string,
    size: number,
    drawn: Draws,
  ) => readonly { readonly text: string; readonly ended: boolean }[] | undefined
}

const PRINTABLE = 95
/** Characters of an answer at most, so that nothing is too long to be learned from. */
const LENGTH = 11

const ended = (text: string) => ({ text, ended: true })
const characters = (count: number, drawn: Draws): string =>
  Array.from({ length: count }, () => String.fromCharCode(32 + drawn.below(PRINTABLE))).join('')

/** The solution with one character changed. */
const nearly = (solution: string, drawn: Draws): string => {
  const at = drawn.below(solution.length)
  const other = String.fromCharCode(32 + ((solution.charCodeAt(at) - 32 + 1 + drawn.below(94)) % PRINTABLE))
  return solution.slice(0, at) + other + solution.slice(at + 1)
}

/** As many as `right` right answers, which a group needs to be taken at all, and others. */
const among = (
  right: number,
  size: number,
  one: (i: number) => { text: string; ended: boolean },
  solution: string,
) => Array.from({ length: size }, (_, i) => (i < right ? ended(solution) : one(i)))

const junk: Attack['write'] = (_, solution, size, drawn) =>
  among(size / 2, size, () => ended(characters(LENGTH, drawn)), solution)

/** Attacks with groups that receivers take, since all that can be checked about them is true. */
export const ATTACKS = {
  junk: {
    about:
      'half right, half long random characters: the most variance that a group can have, and no way to learn from it',
    strangers: 2,
    write: junk,
  },
  nearly: {
    about: 'one right answer among answers that differ from it by a character',
    strangers: 2,
    write: (_, solution, size, drawn) => among(1, size, () => ended(nearly(solution, drawn)), solution),
  },
  unended: {
    about: 'half right, half the same text said to be cut off: what is right is called wrong',
    strangers: 2,
    write: (_, solution, size) => among(size / 2, size, () => ({ text: solution, ended: false }), solution),
  },
  sybils: {
    about:
      'three identities to each honest one, which answer the easiest kind of task only, with half of it random characters',
    strangers: 24,
    write: (task, solution, size, drawn) =>
      task.family === 'copying' && task.level === 0 ? junk(task, solution, size, drawn) : undefined,
  },
  wrong: {
    about: 'three identities to each honest one, which share wrong answers only',
    strangers: 24,
    write: (_, solution, size, drawn) => among(0, size, () => ended(nearly(solution, drawn)), solution),
  },
} as const satisfies { readonly [name: string]: Attack }
export type AttackName = keyof typeof ATTACKS

/** What an attack's accounts put on the wire in a plan's rounds: behind all honest messages. */
export const intruderOf = (
  { strangers, write }: Attack,
  { seed, families, kinds, members, groups: count, groupSize }: LocalPlan,
): Intruder => {
  return (round) =>
    Array.from({ length: strangers }, (_, i) => members.length + i).flatMap((member) => {
      const participant = accountOf(member)
      const drawn = draws(seed, ATTACKING, round, member)
      return ownTasks(families, kinds, { seed, round, member, count }).flatMap((task) => {
        const family = families.get(task.family)!
        const answers = write(task, family.play(task.seed, task.level).solution, groupSize, drawn)
        if (!answers) return []
        const { rollouts } = scoredGroup(family, task, answers)
        const bytes = encodeSharedGroup({ participant, modelRoot: ROOT, round, task, rollouts })
        return [{ sender: participant, bytes }]
      })
    })
}

const ATTACKING = 0x5357_ffff
const ROOT = `0x${'00'.repeat(32)}` as const

/** What refuses or passes over by itself must change no bit. Each is sent by, or in the name of, participants and strangers. */
export const REFUSED: { readonly [name: string]: Intruder } = {
  garbage: (_, honest) => honest.map(({ sender, bytes }) => ({ sender, bytes: bytes.map((b) => b ^ 0x55) })),
  oversized: (_, honest) => honest.map(({ sender }) => ({ sender, bytes: new Uint8Array(1_000_000) })),
  'false rewards': (_, honest) =>
    honest.map(({ sender, bytes }, i) => {
      const group = unwrap(decodeSharedGroup(bytes))
      const participant = i % 2 === 0 ? sender : STRANGER
      const rollouts = group.rollouts.map((one) => ({ ...one, score: 100, ended: true }))
      return { sender: participant, bytes: encodeSharedGroup({ ...group, participant, rollouts }) }
    }),
  'copied rollouts': (_, honest) =>
    honest.flatMap(({ bytes }) => {
      const group = unwrap(decodeSharedGroup(bytes))
      return [...new Set(honest.map(({ sender }) => sender)), STRANGER].map((participant) => ({
        sender: participant,
        bytes: encodeSharedGroup({ ...group, participant }),
      }))
    }),
  flood: (_, honest) => Array.from({ length: 10_000 }, (_, i) => honest[i % honest.length]!),
}

/** An account of nobody. */
const STRANGER = accountOf(999)
