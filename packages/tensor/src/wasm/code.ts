import { type Arena, planArena } from '../compile/arena.ts'
import { type KernelWork, workOf } from '../compile/kernel-work.ts'
import type { Plan } from '../compile/plan.ts'
import { typeOf } from '../compile/refs.ts'
import type { Node, Ref } from '../node.ts'
import type { Program, TensorType } from '../program.ts'
import { MULTIPLY_IMPORT } from './accelerator.ts'
import type { Microkernel } from './contraction/microkernel.ts'
import { ModuleWriter } from './emitter.ts'
import { engine, type WasmModule } from './engine.ts'
import { writesOnce } from './map-kernel.ts'
import { type NodeKind, nodeKind, nodePhases } from './node-code.ts'
import { CANARY_WORDS, canary, fmaOf } from './probe.ts'
import type { Entry, Work } from './team.ts'

/** A plan as WebAssembly: everything that does not depend on a memory, so that runners of one program share it. */
export type Code = {
  /** The plan's program: its nodes may be cut otherwise than those of the program that was planned. */
  readonly program: Program
  readonly outputs: readonly TensorType[]
  readonly module: WasmModule
  readonly work: Work
  readonly kernels: readonly KernelInfo[]
  readonly arena: Arena
  readonly pages: number
  /** Words that the code expects at the beginning of the memory. */
  readonly constants: Uint32Array
  readonly scratchBytes: number
}

/** One kernel, and which entries of the work it is. */
export type KernelInfo = KernelWork & {
  readonly label: string
  readonly kind: NodeKind | 'group'
  /** Nodes of the plan's program, and of the program that was planned. */
  readonly members: readonly number[]
  readonly nodes: readonly number[]
  readonly from: number
  readonly to: number
}

export type CodeOptions = {
  readonly fused: boolean
  readonly threads: number
  /** The least cost of an entry that threads share; in the units of Phase.cost. */
  readonly shareFrom: number
  readonly imported: Microkernel | undefined
}

export const PAGE = 65536
/** Where the canary's words lie; below is nothing, so that a zero address is not a tensor's. */
const CANARY_AT = 64
const TABLES_AT = CANARY_AT + 4 * CANARY_WORDS.length

export const generate = async (
  asked: Program,
  { program, origin }: Plan,
  { fused, threads, shareFrom, imported }: CodeOptions,
): Promise<Code> => {
  const writer = new ModuleWriter(imported ? [MULTIPLY_IMPORT] : [])
  const fma = fmaOf(writer, fused, imported)
  const canaryName = String(writer.add(canary(fma, CANARY_AT)))
  const phases = program.nodes.map((node) => nodePhases(node, fma))

  const tableWords = phases.flat().reduce((n, p) => n + p.slots.length + 1, 0)
  const arena = planArena(program, { start: TABLES_AT + 2 * 4 * tableWords, writesOnce })
  const scratchBytes = Math.ceil(Math.max(0, ...phases.flat().map((p) => p.scratch)) / 64) * 64
  const scratch = Math.ceil(arena.end / 64) * 64
  const pages = Math.ceil((scratch + threads * scratchBytes + 64) / PAGE)

  const constants = new Uint32Array((TABLES_AT + 2 * 4 * tableWords) / 4)
  constants.set(CANARY_WORDS, CANARY_AT / 4)
  const kernels: KernelInfo[] = []
  let table = TABLES_AT
  const entries = arena.nodes.map((places, parity) => {
    const list: Entry[] = []
    phases.forEach((ofNode, i) => {
      const from = list.length
      for (const phase of ofNode) {
        constants[table / 4] = places[i]!
        phase.slots.forEach((ref, s) => {
          constants[table / 4 + 1 + s] = placeOf(arena, parity, ref)
        })
        const shared = phase.units > 1 && phase.units * phase.cost >= shareFrom
        list.push({
          kernel: String(writer.add(phase.fn)),
          units: phase.units,
          grain: shared ? Math.max(1, Math.floor(phase.units / (8 * threads))) : 0,
          table,
        })
        table += 4 * (1 + phase.slots.length)
      }
      if (parity > 0) return
      const node = program.nodes[i]!
      const kind = nodeKind(node)
      const info = { label: labelOf(kind, node), kind, members: [i], nodes: origin[i]! }
      kernels.push({ ...info, from, to: list.length, ...workOf(program, node) })
    })
    return list
  })
  const module = await engine.compile(writer.encode({ initial: pages, maximum: pages, shared: threads > 1 }))
  const work: Work = { canary: canaryName, entries, scratch, scratchBytes }
  const outputs = asked.outputs.map((o) => typeOf(asked, o.ref))
  return { program, outputs, module, work, kernels, arena, pages, constants, scratchBytes }
}

const labelOf = (kind: string, node: Node): string =>
  `${kind} ${node.dtype} [${node.shape}]${node.kind === 'fold' ? ` over [${node.box}]` : ''}`

/** The address of what a ref names, in a step of this parity. */
export const placeOf = (arena: Arena, parity: number, ref: Ref): number =>
  ref.from === 'input'
    ? arena.inputs[ref.index]!
    : arena[ref.from === 'node' ? 'nodes' : 'state'][parity]![ref.index]!
