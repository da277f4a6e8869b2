import { addressOf, type Node, type Read, size } from '@lockstep/tensor'
import { type ChainKernel, isLocal } from '../kernel/index.ts'
import { elementAddress, loadElementCode, loadFourCode, storeElementCode } from './elements.ts'
import { levelsOf, Walk } from './fold-kernel.ts'
import { PtxKernel } from './kernel-text.ts'
import { loadBases, Point, unravelCode } from './point.ts'
import { emitScalar } from './scalar-code.ts'
import { isPlain, spaceOf } from './space.ts'

/** Shared memory that every device gives a block without being asked, in words. */
export const ROW_WORDS = 12_288
/** Elements of a loop over a row that a thread computes side by side. */
const SIDE_BY_SIDE = 4
/** Instructions of a map that are worth writing several times. */
const MOST_CODE = 80

/**
 * A chain over rows: a block of threads a row. The rows of what its folds read are brought into shared memory, then one
 * member after another is computed there, element by element, every fold in its own order by one thread, with a barrier
 * after each that others read. Only kept members are written to the device's memory. Parameters: kept members, sources.
 */
export const rowKernel = (chain: ChainKernel, name: string): PtxKernel => {
  const { nodes, rows, kept, inside, staged, slots } = chain
  const widths = nodes.map((n) => size(n.shape) / rows)
  const threads = threadsFor(Math.max(...widths, ...staged.map((s) => s.width)))
  const k = new PtxKernel(name, threads, kept.length + slots)
  const row = k.let('r', 'mov.u32', '%ctaid.x')
  const thread = k.let('r', 'mov.u32', '%tid.x')
  const sources = Array.from({ length: slots }, (_, index) => ({ from: 'input' as const, index }))
  const bases = loadBases(k, sources, kept.length)
  const outputs = kept.map((_, i) => k.parameter(i))

  /** Room for a row, and where its tensor's first element would be. */
  const room = (width: number): string => {
    const at = k.shared(4 * width)
    const before = k.let('r', 'mul.lo.u32', row, 4 * width)
    return k.let('r', 'sub.u32', at, before)
  }
  const ofSlot = new Map(staged.map(({ slot, width }) => [slot, room(width)]))
  const ofMember = new Map(inside.map((m) => [m, room(widths[m]!)]))
  const numberIn = (width: number): string => k.let('r', 'mul.lo.u32', row, width)

  for (const { slot, width, dtype } of staged) {
    const [from, to] = [bases.get(`input ${slot}`)!, ofSlot.get(slot)!]
    const first = numberIn(width)
    const four = width % 4 === 0
    eachElement(k, thread, threads, four ? width / 4 : width, SIDE_BY_SIDE, (elements) => {
      const numbers = elements.map((e) => k.let('r', 'mad.lo.u32', e, four ? 4 : 1, first))
      const values = numbers.map((n) => {
        const address = elementAddress(k, from, n, dtype)
        return four ? loadFourCode(k, dtype, address) : [loadElementCode(k, dtype, address)]
      })
      values.forEach((v, i) => {
        storeNear(k, k.let('r', 'mad.lo.u32', numbers[i]!, 4, to), v)
      })
    })
  }
  if (staged.length > 0) k.emit('bar.sync 0')

  nodes.forEach((node, m) => {
    const space = spaceOf(node)
    const near = new Map<Read, string>()
    for (const read of node.reads) {
      const at = (read.ref.from === 'node' ? ofMember : ofSlot).get(read.ref.index)
      if (at !== undefined && isPlain(read) && addressOf(read) && isLocal(node, read, rows))
        near.set(read, at)
    }
    const first = numberIn(widths[m]!)
    const together = node.kind === 'map' && node.program.code.length <= MOST_CODE ? SIDE_BY_SIDE : 1
    eachElement(k, thread, threads, widths[m]!, together, (elements) => {
      const numbers = elements.map((e) => k.let('r', 'add.u32', e, first))
      const points = numbers.map((n) => new Point(k, space, unravelCode(k, n, space.outer), bases, near))
      const results = resultsOf(node, points)
      results.forEach((value, i) => {
        const to = ofMember.get(m)
        if (to !== undefined) storeNear(k, k.let('r', 'mad.lo.u32', numbers[i]!, 4, to), [value])
        const output = outputs[kept.indexOf(m)]
        if (output !== undefined)
          storeElementCode(k, node.dtype, elementAddress(k, output, numbers[i]!, node.dtype), value)
      })
    })
    if (inside.includes(m)) k.emit('bar.sync 0')
  })
  return k
}

/** What a node gives at some points. What maps read at all of them is asked for before the first is computed. */
const resultsOf = (node: Node, points: readonly Point[]): string[] => {
  if (node.kind === 'map') {
    const read = points.map((p) => node.reads.map((r) => p.read(r)))
    return points.map((p, i) => emitScalar(p.k, node.program, read[i]!, (at) => p.index(at)))
  }
  const steps = size(node.box)
  return points.map((p) => new Walk(p, node, p.at, 0).blocked(levelsOf(steps), steps))
}

const storeNear = (k: PtxKernel, address: string, values: readonly string[]): void => {
  const kind = values[0]!.startsWith('%f') ? 'f32' : 'u32'
  k.emit(
    values.length === 4
      ? `st.shared.v4.${kind} [${address}], {${values.join(', ')}}`
      : `st.shared.${kind} [${address}], ${values[0]}`,
  )
}

/** Threads of a block for rows of so many elements. */
const threadsFor = (width: number): number =>
  width >= 2048 ? 256 : width >= 512 ? 128 : width >= 128 ? 64 : 32

/** Code for every element of a row below `count`, dealt to threads in turn, up to `together` of them side by side. */
const eachElement = (
  k: PtxKernel,
  thread: string,
  threads: number,
  count: number,
  together: number,
  body: (elements: readonly string[]) => void,
): void => {
  const turns = Math.floor(count / threads)
  const side = [together, 2, 1].find((n) => n <= together && n <= turns) ?? 1
  const loops = Math.floor(turns / side)
  const ahead = (from: string, by: number): string => (by === 0 ? from : k.let('r', 'add.u32', from, by))
  const group = (from: string, n: number): void =>
    body(Array.from({ length: n }, (_, i) => ahead(from, i * threads)))
  if (loops === 1) group(thread, side)
  else if (loops > 1) {
    const element = k.let('r', 'mov.b32', thread)
    const again = k.label()
    k.place(again)
    group(element, side)
    k.emit(`add.u32 ${element}, ${element}, ${side * threads}`)
    const more = k.let('p', 'setp.lt.u32', element, loops * side * threads)
    k.emit(`@${more} bra ${again}`)
  }
  for (let done = loops * side; done < turns; done++) group(ahead(thread, done * threads), 1)
  if (turns * threads === count) return
  const last = ahead(thread, turns * threads)
  const outside = k.let('p', 'setp.ge.u32', last, count)
  const skip = k.label()
  k.emit(`@${outside} bra ${skip}`)
  body([last])
  k.place(skip)
}
