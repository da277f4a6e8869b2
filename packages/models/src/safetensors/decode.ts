import { DTYPES, LIMITS, type Tensor } from '@lockstep/tensor'
import { ModelError, type ModelErrorCode } from '../model-error.ts'
import { canonicalise } from './canonical.ts'
import { dtypeFromSafetensors } from './dtype.ts'
import { parseHeader } from './header.ts'

/** A safetensors file's content. Tensors keep the order of the file; their data is a copy, canonical. */
export type Safetensors = {
  readonly tensors: ReadonlyMap<string, Tensor>
  readonly metadata: ReadonlyMap<string, string>
}

/** Bytes of JSON that a header may have: the format's own limit. */
export const MAX_HEADER_BYTES = 100_000_000
const PREFIX = 8

/**
 * Reads a safetensors file: header length (u64 little-endian), header (JSON), elements. Tensors must lie one after
 * the other and fill the file, as the format demands. Throws ModelError, and nothing else, on any other bytes.
 */
export const decodeSafetensors = (bytes: Uint8Array<ArrayBufferLike>): Safetensors => {
  const start = PREFIX + headerBytes(bytes)
  const { metadata, entries } = parseHeader(headerText(bytes.subarray(PREFIX, start)))
  const inOrder = entries.toSorted((a, b) => (a.offsets[0] ?? 0) - (b.offsets[0] ?? 0))
  const tensors = new Map<string, Tensor>()
  let end = 0 // of the tensors so far, counted from `start`
  for (const { name, dtype: dtypeName, shape, offsets } of inOrder) {
    const dtype = dtypeFromSafetensors(dtypeName)
    if (!dtype) {
      throw unsupported(`${name}.dtype`, dtypeName, 'F32, BF16, F16, U32, U8', 'Convert the tensor first.')
    }
    if (shape.length > LIMITS.rank) {
      throw unsupported(`${name}.rank`, shape.length, `at most ${LIMITS.rank}`, 'Reshape the tensor first.')
    }
    const elements = elementsOf(name, shape)
    const length = elements * DTYPES[dtype].bytes
    const [from, to] = offsets
    if (offsets.length !== 2 || from !== end || to !== end + length) {
      throw malformed(
        `${name}.data_offsets`,
        offsets.join(' '),
        `${end} ${end + length} (contiguous, as long as shape and dtype say)`,
        'The file is damaged or was not written by a safetensors writer: write it anew.',
      )
    }
    end = to
    if (start + end > bytes.length) {
      throw malformed(`${name}.data_offsets`, end, `at most ${bytes.length - start}`, 'The file was cut off.')
    }
    const data = bytes.slice(start + from, start + to)
    canonicalise(dtype, data)
    tensors.set(name, { dtype, shape, data })
  }
  if (start + end !== bytes.length) {
    throw malformed('length', bytes.length, `${start + end}`, 'Bytes follow the last tensor: remove them.')
  }
  return { tensors, metadata }
}

const headerBytes = (bytes: Uint8Array<ArrayBufferLike>): number => {
  if (bytes.length < PREFIX) {
    throw malformed('length', bytes.length, `at least ${PREFIX}`, 'This is no safetensors file.')
  }
  const length = new DataView(bytes.buffer, bytes.byteOffset, PREFIX).getBigUint64(0, true)
  const limit = Math.min(MAX_HEADER_BYTES, bytes.length - PREFIX)
  if (length > BigInt(limit)) {
    throw malformed(
      'header length',
      length,
      `at most ${limit}`,
      'The file was cut off or is no safetensors file.',
    )
  }
  return Number(length)
}

const headerText = (bytes: Uint8Array<ArrayBufferLike>): string => {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw malformed('header', 'no UTF-8', 'UTF-8', 'This is no safetensors file.')
  }
}

const elementsOf = (name: string, shape: readonly number[]): number => {
  let elements = 1
  for (const extent of shape) {
    if (extent < 1)
      throw unsupported(`${name}.shape`, extent, 'extents of at least 1', 'Leave empty tensors out.')
    elements *= extent
    if (elements > LIMITS.elements) {
      throw unsupported(`${name}.elements`, elements, `at most ${LIMITS.elements}`, 'Split the tensor.')
    }
  }
  return elements
}

const malformed = (field: string, value: unknown, limit: string, remedy: string): ModelError =>
  fault('safetensors-malformed', field, value, limit, remedy)
const unsupported = (field: string, value: unknown, limit: string, remedy: string): ModelError =>
  fault('safetensors-unsupported', field, value, limit, remedy)
const fault = (code: ModelErrorCode, ...rest: [string, unknown, string, string]): ModelError =>
  new ModelError(code, ...rest)
