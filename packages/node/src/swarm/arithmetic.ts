import type { SwarmManifest } from '@lockstep/client'
import type { Hex } from '@lockstep/proof'
import { answersRoot, drawnTask, type Families, ownTasks, type SwarmTask } from '@lockstep/swarm'
import type { RoundView } from './view.ts'

/** What follows from a manifest and a round: everybody computes the same. */
export type Arithmetic = {
  /** The 32 bits of a round's seed from which own tasks and draws follow. */
  readonly seedOf: (round: RoundView) => number
  /** The tasks that everybody answers. */
  readonly tasksOf: (round: Pick<RoundView, 'seed'>) => SwarmTask[]
  /** The tasks that a seat answers for itself. */
  readonly ownTasksOf: (round: RoundView, seat: number) => readonly SwarmTask[]
  /** 0 to 100. */
  readonly scoreOf: (task: SwarmTask, answer: string) => number
}

export const arithmeticOf = (manifest: SwarmManifest, families: Families): Arithmetic => {
  const known = new Map<string, readonly SwarmTask[]>()
  const seedOf = ({ seed }: RoundView): number => Number(BigInt(seed) & 0xffffffffn)
  return {
    seedOf,
    tasksOf: ({ seed: of }) =>
      Array.from({ length: manifest.rounds.tasks }, (_, i) => {
        const { family, seed } = drawnTask(of, i, manifest.families.length)
        return { ...manifest.families[family]!, seed }
      }),
    ownTasksOf: (round, seat) => {
      const key = `${round.round} ${seat}`
      const found =
        known.get(key) ??
        ownTasks(families, manifest.families, {
          ...{ seed: seedOf(round), round: round.round, member: seat, count: manifest.learning.groups },
        })
      known.set(key, found)
      return found
    },
    scoreOf: (task, answer) => families.get(task.family)!.run(task.seed, task.level, answer).score,
  }
}

const encoder = new TextEncoder()
/** An answer's bytes, as scores are claimed of them. */
export const answerBytes = (text: string): Uint8Array<ArrayBuffer> => encoder.encode(text)
/** The root that a part commits to. */
export const textsRoot = (texts: readonly string[]): Hex => answersRoot(texts.map(answerBytes))
