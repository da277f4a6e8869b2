import { type Program, type Runner, type Tensor, tensorBytes } from '@lockstep/tensor'
import type { Digest } from './digest.ts'
import { stepItem } from './task.ts'
import { digestOf, tensorsTree } from './tensor-tree.ts'
import { rootOf, treeOf } from './tree.ts'

/** The item of where a task stands, and the two roots that it is made of. */
export type Roots = { readonly item: Digest; readonly stateRoot: Digest; readonly outputsRoot: Digest }

export const rootsOf = (state: readonly Tensor[], outputs: readonly Tensor[]): Roots => {
  return rootsAbove(state.map(digestOf), outputs)
}

const rootsAbove = (digests: readonly Digest[], outputs: readonly Tensor[]): Roots => {
  const [stateRoot, outputsRoot] = [rootOf(treeOf(digests)), rootOf(tensorsTree(outputs))]
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
  /** Where the tensors that the thread hashes will lie, in bytes that both threads see. */
  | { readonly kind: 'start'; readonly tensors: readonly Tensor[] }
  /** They are there, and will not change before the answer. */
  | { readonly kind: 'root' }
export type FromRooting =
  | { readonly kind: 'rooted'; readonly digests: readonly Digest[] }
  | { readonly kind: 'failed'; readonly message: string }

/** What a rooting thread does: an answer to each message that wants one. */
export const rootingThread = (): ((message: ToRooting) => FromRooting | undefined) => {
  let tensors: readonly Tensor[] = []
  return (message) => {
    if (message.kind === 'start') {
      tensors = message.tensors
      return undefined
    }
    try {
      return { kind: 'rooted', digests: tensors.map(digestOf) }
    } catch (error) {
      return { kind: 'failed', message: error instanceof Error ? error.message : String(error) }
    }
  }
}

export type RootingShare = {
  /**
   * Whether the caller hashes half of a state itself while the thread hashes the other half. Where steps keep every core
   * busy, a thread that hashes beside them stops one of them for as long as it takes and the others wait for that one;
   * so all of them had better hash, and for half as long. Default false.
   */
  readonly helps?: boolean
}

/** The rooting of one program's checkpoints. Without `spawn` they are rooted when they are taken, in this thread. */
export const createRooting = (
  program: Pick<Program, 'state'>,
  spawn?: () => RootingThread,
  { helps = false }: RootingShare = {},
): Rooting => {
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
  const isOwn = helps ? ownHalf(program.state) : place.map(() => false)
  thread.post({ kind: 'start', tensors: place.filter((_, i) => !isOwn[i]) })
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
      thread.post({ kind: 'root' })
      const own = place.map((tensor, i) => (isOwn[i] ? digestOf(tensor) : undefined))
      const roots = thread.receive().then((answer) => {
        if (answer.kind === 'failed')
          throw new Error(`the thread that roots checkpoints failed: ${answer.message}`)
        const theirs = answer.digests.values()
        return rootsAbove(
          own.map((digest) => digest ?? theirs.next().value!),
          outputs,
        )
      })
      busy = roots.catch(() => {})
      return { state: place, outputs, roots }
    },
    close: () => thread.terminate(),
  }
}

/** Which tensors make about half of all bytes. */
const ownHalf = (types: Program['state']): boolean[] => {
  const isOwn = types.map(() => false)
  let [own, theirs] = [0, 0]
  const bySize = types.map((type, i) => ({ bytes: tensorBytes(type), i })).sort((a, b) => b.bytes - a.bytes)
  for (const { bytes, i } of bySize) {
    isOwn[i] = own < theirs
    if (isOwn[i]) own += bytes
    else theirs += bytes
  }
  return isOwn
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
