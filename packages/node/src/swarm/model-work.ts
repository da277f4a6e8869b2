import { readFile, writeFile } from 'node:fs/promises'
import type { Hex } from '@lockstep/proof'
import {
  type Arrived,
  type Asked,
  draws,
  type Group,
  PURPOSE,
  refill,
  SHARE_LIMITS,
  type SwarmTask,
} from '@lockstep/swarm'
import { FaultError, type Tensor } from '@lockstep/tensor'
import type { Learned, LearnedBy, Learner, OwnGroup } from './learner.ts'

/** The round and seat that a piece of work is for: its draws follow from them. */
export type WorkPlace = { readonly seed: number; readonly round: number; readonly seat: number }

/** What a round asks of a model. */
export type Question = WorkPlace & {
  /** Tasks of its own, of which as many are answered as the learner's rule of writing says. */
  readonly own: readonly SwarmTask[]
  /** The round's tasks, which everybody answers. */
  readonly shared: readonly SwarmTask[]
}

export type Answered = {
  readonly groups: readonly OwnGroup[]
  /** One text for each shared task; empty where it could not be read, or is too long. */
  readonly texts: readonly string[]
  readonly tokens: number
  readonly milliseconds: number
}

export type Teaching = WorkPlace & {
  readonly own: readonly OwnGroup[]
  readonly others: readonly Arrived[]
  /** Whose update it is. */
  readonly by: Omit<LearnedBy, 'round'>
  /** Where the state is written before it counts. */
  readonly into: string
}

/** What learning came to; the root is of the parameters after it. */
export type Taught = Omit<Learned, 'state'> & { readonly root: Hex }

/**
 * The work of a participant's model, which takes its time: here, or in a process of its own. One piece at a time. What goes in
 * and comes out is plain data; states stay where the work is, and in files.
 */
export type ModelWork = {
  /** Goes on with the state of a file, or makes the first one and writes it into that file. Gives the root of its parameters. */
  readonly open: (file: string, isFirst: boolean) => Promise<Hex>
  readonly answer: (question: Question) => Promise<Answered>
  /** How likely answers are right, 0 to 1; of what cannot be read it thinks 0. The groups are of the round. */
  readonly judge: (asked: readonly Asked[], groups: readonly Group[]) => Promise<readonly number[]>
  /** What the model holds likeliest; empty where it cannot read the prompt, or others could not read the answer. */
  readonly likeliest: (prompts: readonly string[]) => Promise<readonly string[]>
  readonly learn: (teaching: Teaching) => Promise<Taught>
  readonly close: () => void
}

/** The work of a learner in this process. Several may share one learner: they take turns. */
export const modelWork = (learner: Learner): ModelWork => {
  let state: readonly Tensor[] | undefined
  const opened = (): readonly Tensor[] => {
    if (state === undefined) throw new Error('a model is used before it was opened')
    return state
  }
  const write = (file: string, of: readonly Tensor[]): Promise<void> =>
    writeFile(file, learner.encode(of), { flush: true })
  return {
    open: (file, isFirst) =>
      inTurn(learner, async () => {
        if (isFirst) {
          state = await learner.first()
          await write(file, state)
        } else {
          const decoded = learner.decode(await readFile(file))
          if (!decoded.ok)
            throw new FaultError({ ...decoded.fault, field: `${decoded.fault.field} of ${file}` })
          state = decoded.value
        }
        return learner.modelRoot(state)
      }),
    answer: ({ seed, round, seat, own, shared }) =>
      inTurn(learner, async () => {
        const begun = performance.now()
        const drawn = draws(seed, PURPOSE.generation, round, seat)
        const groups: OwnGroup[] = []
        for (let asked = 0; ; ) {
          const useful = groups.filter(({ group }) => learner.isUseful(group)).length
          const next = own.slice(asked, asked + refill(learner.writing, asked, useful))
          if (next.length === 0) break
          groups.push(...(await learner.groups(opened(), next, drawn.word())))
          asked += next.length
        }
        const prompts = shared.map(
          ({ family, seed: at, level }) => learner.families.get(family)!.play(at, level).prompt,
        )
        const readable = prompts.filter(learner.canRead)
        const written = await learner.complete(opened(), readable, drawn.word())
        const texts = prompts.map((prompt) => {
          const text = learner.canRead(prompt) ? written[readable.indexOf(prompt)]!.text : ''
          return text.length <= SHARE_LIMITS.textCharacters ? text : ''
        })
        const all = [...groups.flatMap(({ completions }) => completions), ...written]
        const tokens = all.reduce((sum, one) => sum + one.tokens.length, 0)
        return { groups, texts, tokens, milliseconds: performance.now() - begun }
      }),
    judge: (asked, groups) =>
      inTurn(learner, async () => {
        const readable = asked.filter(({ prompt }) => learner.canRead(prompt))
        const chances = await learner.judge(opened(), readable, groups)
        return asked.map((one) => chances[readable.indexOf(one)] ?? 0)
      }),
    likeliest: (prompts) =>
      inTurn(learner, async () => {
        const readable = prompts.filter(learner.canRead)
        const texts = (await learner.likeliest(opened(), readable)).map(({ text }) => text)
        return prompts.map((prompt) => {
          const text = learner.canRead(prompt) ? texts[readable.indexOf(prompt)]! : ''
          return text.length <= SHARE_LIMITS.textCharacters ? text : ''
        })
      }),
    learn: ({ seed, round, seat, own, others, by, into }) =>
      inTurn(learner, async () => {
        const drawn = draws(seed, PURPOSE.choice, round, seat)
        const { state: after, ...learned } = await learner.learn(opened(), own, others, drawn, {
          ...by,
          round,
        })
        await write(into, after)
        state = after
        return { ...learned, root: learner.modelRoot(after) }
      }),
    close: () => {},
  }
}

/** The last piece of work of a learner: the next one waits for it, whoever it is for. */
const last = new WeakMap<Learner, Promise<unknown>>()
const inTurn = <T>(learner: Learner, work: () => Promise<T>): Promise<T> => {
  const done = (last.get(learner) ?? Promise.resolve()).then(work, work)
  last.set(
    learner,
    done.catch(() => {}),
  )
  return done
}
