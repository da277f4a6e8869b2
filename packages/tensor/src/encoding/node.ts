import { DTYPES, type Dtype, dtypeFromCode } from '../dtype.ts'
import { LIMITS } from '../limits.ts'
import {
  type Affine,
  type Bound,
  type Coord,
  type FoldNode,
  type Guard,
  isWordCoord,
  type Node,
  type Read,
  type Ref,
  type WordRead,
} from '../node.ts'
import { ByteReader, ByteWriter } from './bytes.ts'
import { readScalar, writeScalar } from './scalar.ts'

/** The first byte of an item's encoding. */
export const NODE_TAG = { map: 0, blocked: 1, chain: 2, scan: 3, join: 4 } as const
const FROM = ['node', 'state', 'input'] as const

/** The canonical encoding of one node: what the referee is shown. See docs/numerics.md, "Canonical encoding". */
export const encodeNode = (node: Node): Uint8Array<ArrayBuffer> => {
  const w = new ByteWriter()
  w.u8(node.kind === 'map' ? NODE_TAG.map : NODE_TAG[node.order.kind])
  w.u8(DTYPES[node.dtype].code)
  writeDims(w, node.shape)
  if (node.kind === 'fold') writeDims(w, node.box)
  w.u8(node.reads.length)
  for (const read of node.reads) writeRead(w, read)
  if (node.kind === 'map') writeScalar(w, node.program)
  else writeFoldRest(w, node)
  return w.done()
}

const writeFoldRest = (w: ByteWriter, node: FoldNode): void => {
  w.u8(node.guards.length)
  for (const guard of node.guards) {
    w.u8(guard.test === 'lt' ? 0 : 1)
    writeBound(w, guard.left)
    writeBound(w, guard.right)
  }
  const { order } = node
  if (order.kind === 'blocked') w.u32(order.init)
  else if (typeof order.init === 'number') w.u8(0).u32(order.init)
  else writeRead(w.u8(1), order.init)
  writeScalar(w, node.step)
  if (order.kind === 'blocked') writeScalar(w, order.combine)
}

export const writeDims = (w: ByteWriter, dims: readonly number[]): void => {
  w.u8(dims.length)
  for (const extent of dims) w.u32(extent)
}

export const writeRef = (w: ByteWriter, ref: Ref): void => {
  w.u8(FROM.indexOf(ref.from)).u16(ref.index)
}

const writeAffine = (w: ByteWriter, form: Affine): void => {
  w.i32(form.base).u8(form.terms.length)
  for (const { at, by } of form.terms) w.u8(at).i32(by)
}

const writeWord = (w: ByteWriter, word: WordRead): void => {
  writeRef(w, word.ref)
  w.u8(DTYPES[word.dtype].code)
  writeDims(w, word.view)
  for (const form of word.coords) writeAffine(w, form)
}

const writeRead = (w: ByteWriter, read: Read): void => {
  writeRef(w, read.ref)
  w.u8(DTYPES[read.dtype].code)
  writeDims(w, read.view)
  for (const coord of read.coords) {
    if (isWordCoord(coord)) writeWord(w.u8(1), coord.word)
    else writeAffine(w.u8(0), coord)
  }
  if (read.pad === undefined) w.u8(0)
  else w.u8(1).u32(read.pad)
}

const writeBound = (w: ByteWriter, bound: Bound): void => {
  if ('word' in bound) writeWord(w.u8(1), bound.word)
  else writeAffine(w.u8(0), bound)
}

/** Reads one node; a malformed one is thrown as a FaultError (see fault.ts). */
export const decodeNode = (bytes: Uint8Array, field: string): Node => {
  const r = new ByteReader(bytes, field)
  const tag = r.u8()
  const kind = (['map', 'blocked', 'chain', 'scan'] as const)[tag]
  if (kind === undefined) return r.malformed('kind', tag, '0 to 3')
  const dtype = readDtype(r)
  const shape = readDims(r, LIMITS.rank)
  const box = kind === 'map' ? [] : readDims(r, LIMITS.boxRank)
  const reads = r.list(atMost(r, 'reads', r.u8(), LIMITS.reads), () => readRead(r))
  if (kind === 'map') {
    const program = readScalar(r)
    r.end()
    return { kind, dtype, shape, reads, program }
  }
  const guards = r.list(atMost(r, 'guards', r.u8(), LIMITS.guards), () => readGuard(r))
  const init = kind === 'blocked' ? r.u32() : readFlag(r, 'init') ? readRead(r) : r.u32()
  const step = readScalar(r)
  const order: FoldNode['order'] =
    kind === 'blocked' ? { kind, init: init as number, combine: readScalar(r) } : { kind, init }
  r.end()
  return { kind: 'fold', dtype, shape, box, reads, guards, step, order }
}

const atMost = (r: ByteReader, field: string, value: number, limit: number): number =>
  value > limit ? r.malformed(field, value, `at most ${limit}`) : value

const readFlag = (r: ByteReader, field: string): boolean => {
  const flag = r.u8()
  if (flag > 1) r.malformed(field, flag, '0 or 1')
  return flag === 1
}

export const readDtype = (r: ByteReader): Dtype => {
  const code = r.u8()
  return dtypeFromCode(code) ?? r.malformed('dtype', code, '0 to 4')
}

export const readDims = (r: ByteReader, rank: number): number[] =>
  r.list(atMost(r, 'rank', r.u8(), rank), () => r.u32())

export const readRef = (r: ByteReader): Ref => {
  const code = r.u8()
  const from = FROM[code]
  if (from === undefined) return r.malformed('ref', code, '0 to 2')
  return { from, index: r.u16() }
}

const readAffine = (r: ByteReader): Affine => {
  const base = r.i32()
  let last = -1
  const terms = r.list(r.u8(), () => {
    const at = r.u8()
    const by = r.i32()
    if (at <= last || by === 0) r.malformed('affine', `term ${by} * ${at}`, 'terms ascend and are not zero')
    last = at
    return { at, by }
  })
  return { base, terms }
}

const readWord = (r: ByteReader): WordRead => {
  const ref = readRef(r)
  const dtype = readDtype(r)
  if (dtype !== 'u32' && dtype !== 'u8') return r.malformed('word dtype', dtype, 'u32 or u8')
  const view = readDims(r, LIMITS.rank)
  return { ref, dtype, view, coords: view.map(() => readAffine(r)) }
}

const readRead = (r: ByteReader): Read => {
  const ref = readRef(r)
  const dtype = readDtype(r)
  const view = readDims(r, LIMITS.rank)
  const coords = view.map((): Coord => (readFlag(r, 'coord') ? { word: readWord(r) } : readAffine(r)))
  return { ref, dtype, view, coords, ...(readFlag(r, 'pad') ? { pad: r.u32() } : {}) }
}

const readGuard = (r: ByteReader): Guard => {
  const test = readFlag(r, 'guard test') ? 'eq' : 'lt'
  return { test, left: readBound(r), right: readBound(r) }
}

const readBound = (r: ByteReader): Bound => (readFlag(r, 'bound') ? { word: readWord(r) } : readAffine(r))
