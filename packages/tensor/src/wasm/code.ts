import { type Arena, planArena } from '../compile/arena.ts'
import { cutNode } from '../compile/cut.ts'
import type { Turn } from '../compile/group.ts'
import { bytesRead, flopsOf, type KernelWork, workOf } from '../compile/kernel-work.ts'
import { carriedState } from '../compile/own-element.ts'
import type { Plan } from '../compile/plan.ts'
import { typeOf } from '../compile/refs.ts'
import { tensorBytes } from '../estimate.ts'
import type { Node, Ref } from '../node.ts'
import type { Program, TensorType } from '../program.ts'
import { importsOf } from './accelerator.ts'
import type { Microkernel } from './contraction/microkernel.ts'
import { ModuleWriter } from './emitter.ts'
import { engine, type WasmModule } from './engine.ts'
import { groupKernel } from './group-kernel.ts'
import { type NodeKind, writesOnce } from './node-code.ts'
import { type Kernel, NodeKernels } from './node-kernels.ts'
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
  /** Scratch of each thread, and what all share. */
  readonly scratchBytes: number
  readonly sharedBytes: number
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
  plan: Plan,
  { fused, threads, shareFrom, imported }: CodeOptions,
): Promise<Code> => {
  const { program } = plan
  const writer = new ModuleWriter(importsOf(imported))
  const fma = fmaOf(writer, fused, threads, imported)
  const canaryName = String(writer.add(canary(fma, CANARY_AT)))
  const nodeKernels = new NodeKernels(writer, fma)
  const phases = plan.turns.map((turn) =>
    turn.count > 1
      ? [groupKernel(program, turn, plan.hidden, nodeKernels, writer)]
      : nodeKernels.of(program.nodes[turn.first]!).kernels,
  )
  const tableWords = phases.flat().reduce((n, p) => n + tableLength(p), 0)
  const start = TABLES_AT + 2 * 4 * tableWords
  const arena = planArena(program, { start, hidden: plan.hidden, ...timesOf(plan) })
  const scratchBytes = Math.ceil(Math.max(0, ...phases.flat().map((p) => p.scratch)) / 64) * 64
  const scratch = Math.ceil(arena.end / 64) * 64
  const shared = scratch + threads * scratchBytes
  const sharedBytes = Math.max(0, ...phases.flat().map((p) => p.shared ?? 0))
  const pages = Math.ceil((shared + sharedBytes + 64) / PAGE)

  const constants = new Uint32Array(start / 4)
  constants.set(CANARY_WORDS, CANARY_AT / 4)
  const kernels: KernelInfo[] = []
  const isInPlace = ({ first, count }: Turn): boolean => {
    const state = count === 1 ? carriedState(program, first) : undefined
    return state !== undefined && arena.inPlace[state]!
  }
  const copies = new Set<number>() // entries that would copy a state to itself
  let table = TABLES_AT
  const entries = arena.nodes.map((places, parity) => {
    const list: Entry[] = []
    plan.turns.forEach((turn, k) => {
      const from = list.length
      for (const phase of phases[k]!) {
        constants[table / 4] = places[turn.first]!
        phase.slots.forEach((ref, s) => {
          constants[table / 4 + 1 + s] = placeOf(arena, parity, ref)
        })
        if (phase.shared !== undefined) constants[table / 4 + 1 + phase.slots.length] = shared
        const isShared = phase.units > 1 && phase.units * phase.cost >= shareFrom
        list.push({
          kernel: String(phase.fn),
          units: phase.units,
          grain: isShared ? Math.max(1, Math.floor(phase.units / (8 * threads))) : 0,
          table,
        })
        if (phase.copiesInit && isInPlace(turn)) copies.add(list.length - 1)
        table += 4 * tableLength(phase)
      }
      if (parity === 0) kernels.push({ ...describe(plan, turn, nodeKernels), from, to: list.length })
    })
    return list
  })
  const module = await engine.compile(writer.encode({ initial: pages, maximum: pages, shared: threads > 1 }))
  const later = entries.map((list) => list.map((e, i) => (copies.has(i) ? { ...e, units: 0 } : e)))
  const work: Work = { canary: canaryName, entries: [...entries, ...later], scratch, scratchBytes }
  const outputs = asked.outputs.map((o) => typeOf(asked, o.ref))
  return { program, outputs, module, work, kernels, arena, pages, constants, scratchBytes, sharedBytes }
}

const tableLength = ({ slots, shared }: Pick<Kernel, 'slots' | 'shared'>): number =>
  1 + slots.length + (shared === undefined ? 0 : 1)

/** When each node runs, and whether its code computes every element once. */
const timesOf = ({ program, turns }: Plan) => {
  const moments: number[] = []
  const units: number[] = []
  turns.forEach((turn, k) => {
    for (let n = 0; n < turn.count; n++) {
      moments.push(k)
      units.push(turn.units)
    }
  })
  return {
    moments,
    writesOnce: (i: number): boolean => {
      const node = program.nodes[i]!
      return writesOnce(units[i] === 1 ? node : cutNode(node, units[i]!)!.node)
    },
  }
}

const describe = (
  plan: Plan,
  { first, count }: Turn,
  kernels: NodeKernels,
): Omit<KernelInfo, 'from' | 'to'> => {
  const { program, origin, hidden } = plan
  const members = Array.from({ length: count }, (_, k) => first + k)
  const nodes = [...new Set(members.flatMap((i) => origin[i]!))].sort((a, b) => a - b)
  if (count === 1) {
    const node = program.nodes[first]!
    const { kind } = kernels.of(node)
    return { label: labelOf(kind, node), kind, members, nodes, ...workOf(program, node) }
  }
  const inside = program.nodes.slice(first, first + count)
  const isMember = (ref: Ref): boolean =>
    ref.from === 'node' && ref.index >= first && ref.index < first + count
  const written = members.reduce((n, i) => n + (hidden.has(i) ? 0 : tensorBytes(program.nodes[i]!)), 0)
  return {
    label: `group of ${inside.map((node) => labelOf(node.kind, node)).join(', ')}`,
    kind: 'group',
    members,
    nodes,
    flops: inside.reduce((n, node) => n + flopsOf(node), 0),
    bytes: bytesRead(program, inside, (ref) => !isMember(ref)) + written,
  }
}

const labelOf = (kind: string, node: Node): string =>
  `${kind} ${node.dtype} [${node.shape}]${node.kind === 'fold' ? ` over [${node.box}]` : ''}`

/** The address of what a ref names, in a step of this parity. */
export const placeOf = (arena: Arena, parity: number, ref: Ref): number =>
  ref.from === 'input'
    ? arena.inputs[ref.index]!
    : arena[ref.from === 'node' ? 'nodes' : 'state'][parity]![ref.index]!
