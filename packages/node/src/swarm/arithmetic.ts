import type { SwarmManifest } from '@lockstep/client'
import type { Hex } from '@lockstep/proof'
import {
  answersRoot,
  drawnTask,
  type Families,
  type OwnTask,
  ownTasks,
  type SwarmTask,
  seedOn,
} from '@lockstep/swarm'
import type { RoundView } from './view.ts'

/** What follows from a manifest and a round: everybody computes the same. */
export type Arithmetic = {
  /** The 32 bits of a round's seed from which own tasks and draws follow. */
  readonly seedOf: (round: RoundView) => number
  /** The tasks that everybody answers. */
  readonly tasksOf: (round: Pick<RoundView, 'seed'>) => SwarmTask[]
  /** The tasks that a seat may answer for itself, in their order: at the lowest levels, or at its own. */
  readonly ownTasksOf: (round: RoundView, seat: number, levels?: readonly number[]) => readonly OwnTask[]
  /** Whether a task is that own task, at whatever level of its kind. */
  readonly isOwn: (task: SwarmTask, own: Pick<OwnTask, 'kind' | 'draw'>) => boolean
  /** 0 to 100. */
  readonly scoreOf: (task: SwarmTask, answer: string) => number
}

/** Groups that a participant may write in a round, and others take of it. */
export const budgetOf = ({ learning }: SwarmManifest): number => learning.budget ?? learning.groups

export const arithmeticOf = (manifest: SwarmManifest, families: Families): Arithmetic => {
  const known = new Map<string, readonly OwnTask[]>()
  const seedOf = ({ seed }: RoundView): number => Number(BigInt(seed) & 0xffffffffn)
  return {
    seedOf,
    tasksOf: ({ seed: of }) =>
      Array.from({ length: manifest.rounds.tasks }, (_, i) => {
        const { family, seed } = drawnTask(of, i, manifest.families.length)
        return { ...manifest.families[family]!, seed }
      }),
    ownTasksOf: (round, seat, levels) => {
      const { seed, round: number } = round
      const key = `${number} ${seed} ${seat} ${levels}`
      const place = { seed: seedOf(round), round: number, member: seat, count: budgetOf(manifest) }
      const found =
        known.get(key) ?? ownTasks(families, manifest.families, { ...place, ...(levels && { levels }) })
      known.set(key, found)
      return found
    },
    isOwn: (task, { kind, draw }) =>
      manifest.families[kind]!.family === task.family &&
      seedOn('train', families.get(task.family)!, task.level, draw) === task.seed,
    scoreOf: (task, answer) => families.get(task.family)!.run(task.seed, task.level, answer).score,
  }
}

const encoder = new TextEncoder()
/** An answer's bytes, as scores are claimed of them. */
export const answerBytes = (text: string): Uint8Array<ArrayBuffer> => encoder.encode(text)
/** The root that a part commits to. */
export const textsRoot = (texts: readonly string[]): Hex => answersRoot(texts.map(answerBytes))
