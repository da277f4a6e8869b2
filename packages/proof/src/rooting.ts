import { type Program, type Runner, type Tensor, tensorBytes } from '@lockstep/tensor'
import type { Digest } from './digest.ts'
import { stepItem } from './task.ts'
import { tensorsTree } from './tensor-tree.ts'
import { rootOf } from './tree.ts'

/** The item of where a task stands, and the two roots that it is made of. */
export type Roots = { readonly item: Digest; readonly stateRoot: Digest; readonly outputsRoot: Digest }

export const rootsOf = (state: readonly Tensor[], outputs: readonly Tensor[]): Roots => {
  const [stateRoot, outputsRoot] = [rootOf(tensorsTree(state)), rootOf(tensorsTree(outputs))]
  return { item: stepItem(stateRoot, outputsRoot), stateRoot, outputsRoot }
}

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
  readonly take: (runner: Pick<Runner, 'state' | 'outputs'>) => Promise<TakenCheckpoint>
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

/** The rooting of one program's checkpoints. Without `spawn` they are rooted when they are taken, in this thread. */
export const createRooting = (program: Pick<Program, 'state'>, spawn?: () => RootingThread): Rooting => {
  if (!spawn)
    return {
      take: async (runner) => {
        const [state, outputs] = [runner.state(), runner.outputs()]
        return { state, outputs, roots: Promise.resolve(rootsOf(state, outputs)) }
      },
      close: async () => {},
    }
  const thread = spawn()
  const place = sharedTensors(program.state)
  thread.post({ kind: 'start', state: place })
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
      thread.post({ kind: 'root', outputs })
      const roots = thread.receive().then((answer) => {
        if (answer.kind === 'rooted') return answer.roots
        throw new Error(`the thread that roots checkpoints failed: ${answer.message}`)
      })
      busy = roots.catch(() => {})
      return { state: place, outputs, roots }
    },
    close: () => thread.terminate(),
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
