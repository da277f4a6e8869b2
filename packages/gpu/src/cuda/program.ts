import {
  type Arena,
  asWritten,
  type FuseOptions,
  type Node,
  type Program,
  planArena,
  planProgram,
  type Ref,
} from '@lockstep/tensor'
import { moduleText, type PtxKernel, type PtxTarget } from '../ptx/kernel-text.ts'
import { type Launch, SCRATCH } from '../ptx/launch.ts'
import { nodeLaunches, withoutNames } from '../ptx/lower.ts'

/** A plan as PTX: everything that does not depend on a device's memory, so that runners of one program share it. */
export type Code = {
  /** The plan's program: after fusion its nodes are others than those of the program that was planned. */
  readonly program: Program
  readonly text: string
  readonly entries: readonly { readonly name: string; readonly threads: number }[]
  /** The launches of every node, in order. */
  readonly nodes: readonly (readonly Call[])[]
  readonly arena: Arena
  /** Where scratch begins, and the bytes of all. */
  readonly scratch: number
  readonly bytes: number
}
/** One launch: which entry, of how many blocks, and what its parameters name. */
type Call = {
  readonly entry: number
  readonly blocks: number
  readonly writes: 'node' | 'scratch'
  readonly reads: readonly Ref[]
}

/** Fusion in registers, without groups: a device runs one kernel over all of a tensor. */
export const generate = (
  program: Program,
  kind: 'step' | 'trace',
  target: PtxTarget,
  fuse: FuseOptions = {},
): Code => {
  const plan = kind === 'step' ? planProgram(program, { ...fuse, group: false }) : asWritten(program)
  const kernels: PtxKernel[] = []
  const known = new Map<string, { readonly launches: readonly Launch[]; readonly first: number }>()
  let scratchBytes = 0
  const nodes = plan.program.nodes.map((node): Call[] => {
    const { key, refs } = withoutNames(node)
    let made = known.get(key)
    if (!made) {
      const launches = nodeLaunches(JSON.parse(key) as Node, `n${known.size}`, target)
      made = { launches, first: kernels.length }
      known.set(key, made)
      for (const { kernel, scratch } of launches) {
        kernels.push(kernel)
        scratchBytes = Math.max(scratchBytes, scratch)
      }
    }
    const { first } = made
    return made.launches.map(({ blocks, slots, writes }, i) => ({
      entry: first + i,
      blocks,
      writes: writes ?? 'node',
      reads: slots.map((slot) => (slot === SCRATCH ? slot : refs[slot.index]!)),
    }))
  })
  const arena = planArena(plan.program, { start: 0, writesOnce: () => true })
  const scratch = Math.ceil(arena.end / 256) * 256
  return {
    program: plan.program,
    text: moduleText(target, kernels),
    entries: kernels.map(({ name, threads }) => ({ name, threads })),
    nodes,
    arena,
    scratch,
    bytes: Math.max(256, scratch + scratchBytes),
  }
}
