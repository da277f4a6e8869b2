import { type Program, type Runner, type Tensor, type TensorType, tensorBytes } from '@lockstep/tensor'
import type { Digest } from './digest.ts'
import { tensorDigest } from './hash.ts'
import { stepItem } from './task.ts'
import { tensorsTree } from './tensor-tree.ts'
import { rootOf, treeOf } from './tree.ts'

/** The item of where a task stands, and the two roots that it is made of. */
export type Roots = { readonly item: Digest; readonly stateRoot: Digest; readonly outputsRoot: Digest }

export const rootsOf = (state: readonly Tensor[], outputs: readonly Tensor[]): Roots =>
  rootsWith(rootOf(tensorsTree(state)), outputs)

const rootsWith = (stateRoot: Digest, outputs: readonly Tensor[]): Roots => {
  const outputsRoot = rootOf(tensorsTree(outputs))
  return { item: stepItem(stateRoot, outputsRoot), stateRoot, outputsRoot }
}

/** What a runner shows of where it stands. */
export type Standing = Pick<Runner, 'state' | 'outputs' | 'roots'>

/** The roots of where a runner stands, whose state was just taken: hashed by the executor where it does that itself. */
export const rootsAt = (runner: Standing, state: readonly Tensor[]): Roots => {
  const tops = runner.roots?.()
  return tops ? rootsWith(stateRootOf(state, tops), runner.outputs()) : rootsOf(state, runner.outputs())
}

/** The root over tensors of these types, from the top of the tree over the leaves of each. */
export const stateRootOf = (types: readonly TensorType[], tops: readonly Uint8Array[]): Digest =>
  rootOf(treeOf(types.map(({ dtype, shape }, i) => tensorDigest(dtype, shape, tops[i]!))))

/** A checkpoint that was taken from a runner. */
export type TakenCheckpoint = {
  /** Where the runner stood. The bytes stay as they are until the next checkpoint is taken. */
  readonly state: readonly Tensor[]
  readonly outputs: readonly Tensor[]
  /** Rejects where the thread failed; whoever does not look at it is not bothered. */
  readonly roots: Promise<Roots>
}

/** Takes checkpoints and roots them, in a thread of its own where it has one, so that the runner goes on meanwhile. */
export type Rooting = {
  /** Copies where the runner stands. One checkpoint is rooted at a time: waits for the roots of the one before. */
  readonly take: (runner: Standing) => Promise<TakenCheckpoint>
  readonly close: () => Promise<void>
}

/** A thread that answers messages with `rootingThread()`, wherever threads come from. */
export type RootingThread = {
  readonly post: (message: ToRooting) => void
  /** Gives the next message, or fails when the thread does. */
  readonly receive: () => Promise<FromRooting>
  readonly terminate: () => Promise<void>
}
export type ToRooting =
  /** Where states will lie: tensors whose bytes both threads see. */
  | { readonly kind: 'start'; readonly state: readonly Tensor[] }
  /** The state is there, and will not change before the answer. */
  | { readonly kind: 'root'; readonly outputs: readonly Tensor[] }
export type FromRooting =
  | { readonly kind: 'rooted'; readonly roots: Roots }
  | { readonly kind: 'failed'; readonly message: string }

/** What a rooting thread does: an answer to each message that wants one. */
export const rootingThread = (): ((message: ToRooting) => FromRooting | undefined) => {
  let state: readonly Tensor[] = []
  return (message) => {
    if (message.kind === 'start') {
      state = message.state
      return undefined
    }
    try {
      return { kind: 'rooted', roots: rootsOf(state, message.outputs) }
    } catch (error) {
      return { kind: 'failed', message: error instanceof Error ? error.message : String(error) }
    }
  }
}

/**
 * The rooting of one program's checkpoints. Without `spawn` they are rooted when they are taken, in this thread; and so
 * are those of a runner that hashes its state itself, because little is left to do.
 */
export const createRooting = (program: Pick<Program, 'state'>, spawn?: () => RootingThread): Rooting => {
  if (!spawn)
    return {
      take: async (runner) => {
        const [state, outputs] = [runner.state(), runner.outputs()]
        return { state, outputs, roots: Promise.resolve(rootsAt(runner, state)) }
      },
      close: async () => {},
    }
  let thread: RootingThread | undefined
  const place = sharedTensors(program.state)
  const begin = (): RootingThread => {
    const begun = spawn()
    begun.post({ kind: 'start', state: place })
    return begun
  }
  let busy: Promise<unknown> = Promise.resolve()
  return {
    take: async (runner) => {
      await busy
      const state = runner.state(place)
      // An executor that takes no notice of the place gives copies of its own.
      place.forEach(({ data }, i) => {
        if (state[i]!.data !== data) data.set(state[i]!.data)
      })
      const outputs = runner.outputs()
      if (runner.roots) return { state: place, outputs, roots: Promise.resolve(rootsAt(runner, place)) }
      thread ??= begin()
      thread.post({ kind: 'root', outputs })
      const roots = thread.receive().then((answer) => {
        if (answer.kind === 'rooted') return answer.roots
        throw new Error(`the thread that roots checkpoints failed: ${answer.message}`)
      })
      busy = roots.catch(() => {})
      return { state: place, outputs, roots }
    },
    close: async () => thread?.terminate(),
  }
}

/** Zero tensors of these types one behind the other in shared memory, cache lines apart. */
const sharedTensors = (types: Program['state']): Tensor[] => {
  const ends: number[] = []
  for (const type of types) ends.push(Math.ceil(((ends.at(-1) ?? 0) + tensorBytes(type)) / 64) * 64)
  const memory = new SharedArrayBuffer(ends.at(-1) ?? 0)
  return types.map(({ dtype, shape }, i) => {
    const data = new Uint8Array(memory, i === 0 ? 0 : ends[i - 1], tensorBytes({ dtype, shape }))
    return { dtype, shape, data }
  })
}
