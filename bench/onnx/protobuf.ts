/**
 * The little of Protocol Buffers that an ONNX file is made of: fields by number, as a tree that is written once its
 * lengths are known. https://protobuf.dev/programming-guides/encoding
 */
export type Field =
  | { readonly number: number; readonly varint: number | bigint }
  | { readonly number: number; readonly float: number }
  | { readonly number: number; readonly bytes: Uint8Array }
  | { readonly number: number; readonly message: readonly Field[] }

export const varint = (number: number, value: number | bigint): Field => ({ number, varint: value })
export const float = (number: number, value: number): Field => ({ number, float: value })
export const bytes = (number: number, value: Uint8Array): Field => ({ number, bytes: value })
export const text = (number: number, value: string): Field => bytes(number, new TextEncoder().encode(value))
export const message = (number: number, fields: readonly Field[]): Field => ({ number, message: fields })

/** A message's bytes. Tensors in it are copied once, into the result. */
export const encode = (fields: readonly Field[]): Uint8Array<ArrayBuffer> => {
  const out = new Uint8Array(lengthOf(fields))
  const end = write(out, 0, fields)
  if (end !== out.length) throw new Error(`a message of ${out.length} bytes ended at ${end}`)
  return out
}

const VARINT = 0
const DELIMITED = 2
const FIXED_32 = 5

const write = (out: Uint8Array, at: number, fields: readonly Field[]): number => {
  let end = at
  for (const field of fields) {
    const wire = 'varint' in field ? VARINT : 'float' in field ? FIXED_32 : DELIMITED
    end = writeVarint(out, end, BigInt(field.number * 8 + wire))
    if ('varint' in field) end = writeVarint(out, end, BigInt(field.varint))
    else if ('float' in field) {
      new DataView(out.buffer, out.byteOffset).setFloat32(end, field.float, true)
      end += 4
    } else if ('bytes' in field) {
      end = writeVarint(out, end, BigInt(field.bytes.length))
      out.set(field.bytes, end)
      end += field.bytes.length
    } else {
      end = writeVarint(out, end, BigInt(lengthOf(field.message)))
      end = write(out, end, field.message)
    }
  }
  return end
}

/** Negative numbers are ten bytes: their two's complement of 64 bits. */
const writeVarint = (out: Uint8Array, at: number, value: bigint): number => {
  let rest = BigInt.asUintN(64, value)
  let end = at
  for (; rest >= 0x80n; rest >>= 7n) out[end++] = Number(rest & 0x7fn) | 0x80
  out[end++] = Number(rest)
  return end
}

const varintLength = (value: bigint): number => {
  let length = 1
  for (let rest = BigInt.asUintN(64, value) >> 7n; rest > 0n; rest >>= 7n) length++
  return length
}

const lengthOf = (fields: readonly Field[]): number =>
  fields.reduce((sum, field) => {
    const head = varintLength(BigInt(field.number * 8))
    if ('varint' in field) return sum + head + varintLength(BigInt(field.varint))
    if ('float' in field) return sum + head + 4
    const length = 'bytes' in field ? field.bytes.length : lengthOf(field.message)
    return sum + head + varintLength(BigInt(length)) + length
  }, 0)
