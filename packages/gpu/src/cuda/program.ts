import { type Arena, asWritten, type FuseOptions, type Program, planProgram } from '@lockstep/tensor'
import { planDevice } from '../kernel/index.ts'
import { moduleText, type PtxKernel, type PtxTarget } from '../ptx/kernel-text.ts'
import { type Launch, scratchOffset } from '../ptx/launch.ts'
import { nodeLaunches } from '../ptx/lower.ts'
import { ROW_WORDS, rowKernel } from '../ptx/row-kernel.ts'

/** A plan as PTX: everything that does not depend on a device's memory, so that runners of one program share it. */
export type Code = {
  /** The plan's program: after fusion its nodes are others than those of the program that was planned. */
  readonly program: Program
  readonly arena: Arena
  readonly text: string
  readonly entries: readonly { readonly name: string; readonly threads: number }[]
  /** The launches of every node, in order. */
  readonly nodes: readonly (readonly Call[])[]
  /** Where scratch begins, and the bytes of all. */
  readonly scratch: number
  readonly bytes: number
}
/** One launch: which entry, of how many blocks, and by parity the places in memory of what it writes and reads. */
export type Call = {
  readonly entry: number
  readonly blocks: number
  readonly places: readonly (readonly number[])[]
}

/** Fusion in registers; of groups those that go row by row. A trace has every node by itself. */
export const generate = (
  program: Program,
  kind: 'step' | 'trace',
  target: PtxTarget,
  fuse: FuseOptions = {},
): Code => {
  const plan =
    kind === 'step'
      ? planDevice(planProgram(program, { ...fuse, group: false }), fuse.group === false ? 0 : ROW_WORDS)
      : planDevice(asWritten(program))
  const kernels: PtxKernel[] = []
  let scratchBytes = 0
  const made = plan.kernels.map(({ node }, i): { launches: Launch[]; first: number } => {
    const launches = nodeLaunches(node, `n${i}`, target)
    const first = kernels.length
    for (const { kernel, scratch } of launches) {
      kernels.push(kernel)
      scratchBytes = Math.max(scratchBytes, scratch)
    }
    return { launches, first }
  })
  const scratch = Math.ceil(plan.arena.end / 256) * 256
  const nodes: Call[][] = plan.program.nodes.map(() => [])
  for (const { kernel, node, places } of plan.launches) {
    const { launches, first } = made[kernel]!
    nodes[node] = launches.map(({ blocks, slots, writes }, i) => ({
      entry: first + i,
      blocks,
      places: places.map(([output, ...sources]) => [
        writes === undefined ? output! : scratch + writes,
        ...slots.map((slot) => {
          const offset = scratchOffset(slot)
          return offset === undefined ? sources[slot.index]! : scratch + offset
        }),
      ]),
    }))
  }
  const rows = plan.chainKernels.map((chain, i) => kernels.push(rowKernel(chain, `rows${i}`)) - 1)
  for (const { kernel, first, places } of plan.chains)
    nodes[first] = [{ entry: rows[kernel]!, blocks: plan.chainKernels[kernel]!.rows, places }]
  return {
    program: plan.program,
    arena: plan.arena,
    text: moduleText(target, kernels),
    entries: kernels.map(({ name, threads }) => ({ name, threads })),
    nodes,
    scratch,
    bytes: Math.max(256, scratch + scratchBytes),
  }
}
