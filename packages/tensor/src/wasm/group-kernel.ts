import { type Cut, type CutLoad, cutNode } from '../compile/cut.ts'
import type { Turn } from '../compile/group.ts'
import { typeOf } from '../compile/refs.ts'
import { DTYPES } from '../dtype.ts'
import type { Node, Ref } from '../node.ts'
import type { Program } from '../program.ts'
import { Fn, I32, KERNEL, type Local, type ModuleWriter } from './emitter.ts'
import type { Kernel, NodeKernels } from './node-kernels.ts'

const [BEGIN, END, TABLE, SCRATCH] = [0, 1, 2, 3] as const
const align = (n: number): number => Math.ceil((n + 16) / 64) * 64

/** A member's kernels are those of its part as a node; they find their tensors by a table that is made for each unit. */
type Member = {
  readonly node: Node
  readonly index: number
  readonly cut: Cut
  readonly phases: readonly Kernel[]
}

/** The kernel of a group: for every unit, each member's kernels over the unit's part. */
export const groupKernel = (
  program: Program,
  { first, count, units }: Turn,
  hidden: ReadonlySet<number>,
  kernels: NodeKernels,
  writer: ModuleWriter,
): Kernel => {
  const members = Array.from({ length: count }, (_, k): Member => {
    const node = program.nodes[first + k]!
    const cut = cutNode(node, units)!
    return { node, index: first + k, cut, phases: kernels.of(cut.node, false).kernels }
  })

  // a thread's scratch: the members' tables, one unit of every hidden tensor, and the members' own scratch
  let bytes = 0
  const take = (n: number): number => {
    const at = bytes
    bytes += align(n)
    return at
  }
  const tables = members.map((m) => m.phases.map((p) => take(4 * (1 + p.slots.length))))
  const blocks = new Map<number, number>()
  for (const { node, index, cut } of members)
    if (hidden.has(index)) blocks.set(index, take(cut.part * DTYPES[node.dtype].bytes))
  const own = take(Math.max(...members.flatMap((m) => m.phases.map((p) => p.scratch))))

  const slots: Ref[] = []
  const slotOf = (ref: Ref): number => {
    const known = slots.findIndex((s) => s.from === ref.from && s.index === ref.index)
    return known >= 0 ? known + 1 : slots.push(ref)
  }
  const f = new Fn(KERNEL)
  const scratch = (offset: number): Fn => f.get(SCRATCH).i32(offset).op('i32.add')
  /** The address where a unit's part of a tensor begins, on the stack. */
  const address = (ref: Ref, by: readonly number[], digits: readonly (Local | undefined)[]): void => {
    const block = ref.from === 'node' ? blocks.get(ref.index) : undefined
    if (block !== undefined) {
      scratch(block)
      return
    }
    f.get(TABLE).memory('i32.load', 4 * slotOf(ref))
    by.forEach((step, d) => {
      if (step !== 0 && digits[d] !== undefined) f.get(digits[d]).i32(step).op('i32.mul').op('i32.add')
    })
  }

  const unit = f.get(BEGIN).keep(I32)
  f.block((finished) => {
    f.get(unit).get(END).op('i32.ge_u').brIf(finished)
    f.loop((again) => {
      members.forEach(({ node, index, cut, phases }, m) => {
        const digits = digitsOf(f, unit, cut.digits)
        phases.forEach((phase, p) => {
          const table = tables[m]![p]!
          const outBytes = cut.part * DTYPES[node.dtype].bytes
          f.get(SCRATCH)
          address({ from: 'node', index }, [outBytes], [unit])
          f.memory('i32.store', table)
          phase.slots.forEach((slot, s) => {
            const load = cut.loads[slot.index]!
            f.get(SCRATCH)
            address(load.ref, byteSteps(program, load), digits)
            f.memory('i32.store', table + 4 * (1 + s))
          })
          f.i32(0).i32(phase.units)
          scratch(table)
          scratch(own).call(phase.fn)
        })
      })
      f.get(unit).i32(1).op('i32.add').tee(unit).get(END).op('i32.lt_u').brIf(again)
    })
  })
  const cost = members.reduce((n, m) => n + m.phases.reduce((k, p) => k + p.units * p.cost, 0), 0)
  return { fn: writer.add(f), slots, units, cost, scratch: bytes }
}

const byteSteps = (program: Program, { ref, by }: CutLoad): number[] => {
  const { bytes } = DTYPES[typeOf(program, ref).dtype]
  return by.map((n) => n * bytes)
}

/** A number's digits, the last fastest; none for a digit that is always 0. */
const digitsOf = (f: Fn, number: Local, extents: readonly number[]): (Local | undefined)[] => {
  const digits: (Local | undefined)[] = extents.map(() => undefined)
  const counting = extents.flatMap((e, d) => (e === 1 ? [] : [d]))
  const rest = f.get(number).keep(I32)
  counting.toReversed().forEach((d, k) => {
    if (k === counting.length - 1) {
      digits[d] = rest
      return
    }
    digits[d] = f.get(rest).i32(extents[d]!).op('i32.rem_u').keep(I32)
    f.get(rest).i32(extents[d]!).op('i32.div_u').set(rest)
  })
  return digits
}
