import { addressOf, type MapNode, size } from '@lockstep/tensor'
import { elementAddress, loadElementCode, loadFourCode, storeElementCode, storeFourCode } from './elements.ts'
import { PtxKernel } from './kernel-text.ts'
import type { Launch } from './launch.ts'
import { bytesOf, loadBases, Point, slotsOf, threadNumber, unravelCode } from './point.ts'
import { emitScalar } from './scalar-code.ts'
import { isPlain, spaceOf } from './space.ts'

const THREADS = 256

/**
 * A map: a thread computes four elements that lie together, where all reads are plain and the last coordinate allows it,
 * and moves them with one instruction for each tensor; else a thread computes one. Every element is read, computed and
 * written by one thread, so a map may write over what it reads at the same place.
 */
export const mapLaunch = (node: MapNode, name: string): Launch => {
  const space = spaceOf(node)
  const slots = slotsOf(node)
  const count = size(node.shape)
  const last = space.outer.length - 1
  const four = last >= 0 && space.outer[last]! % 4 === 0 && node.reads.every(isPlain)
  const k = new PtxKernel(name, THREADS, 1 + slots.length)
  const threads = four ? count / 4 : count
  const number = threadNumber(k, threads)
  const first = four ? k.let('r', 'shl.b32', number, 2) : number
  const out = elementAddress(k, k.parameter(0), first, node.dtype)
  const at = unravelCode(k, first, space.outer)
  const point = new Point(k, space, at, loadBases(k, slots, 1))
  if (!four) {
    const args = node.reads.map((r) => point.read(r))
    storeElementCode(
      k,
      node.dtype,
      out,
      emitScalar(k, node.program, args, (p) => point.index(p)),
    )
  } else {
    const columns = node.reads.map((read): string[] => {
      const form = space.form(addressOf(read)!)
      const address = elementAddress(k, point.base(read.ref), point.word(form), read.dtype)
      const step = form.by[last]!
      if (step === 1 && form.base % 4 === 0 && form.by.every((n, d) => d === last || n % 4 === 0))
        return loadFourCode(k, read.dtype, address)
      if (step === 0) {
        const one = loadElementCode(k, read.dtype, address)
        return [one, one, one, one]
      }
      const apart = step * bytesOf(read.dtype)
      // Far apart, an offset would not fit the instruction.
      if (Math.abs(apart) < 2 ** 28)
        return [0, 1, 2, 3].map((i) => loadElementCode(k, read.dtype, address, i * apart))
      return [0, 1, 2, 3].map((i) => lane(point, last, i).read(read))
    })
    const results = [0, 1, 2, 3].map((i) =>
      emitScalar(
        k,
        node.program,
        columns.map((c) => c[i]!),
        (p) => lane(point, last, i).index(p),
      ),
    )
    storeFourCode(k, node.dtype, out, results)
  }
  return { kernel: k, blocks: Math.ceil(threads / THREADS), slots, scratch: 0 }
}

/** The point i further along the last coordinate. */
const lane = (point: Point, last: number, i: number): Point =>
  i === 0 ? point : point.moved(point.at.map((c, d) => (d === last ? point.k.let('r', 'add.u32', c, i) : c)))
