import { bytes, encode, type Field, float, message, text, varint } from './protobuf.ts'

/** An ONNX file written by hand: field numbers are those of onnx.proto3. Only float32 and int64 tensors. */
export type Value = { readonly name: string; readonly type: 'f32' | 'i64'; readonly shape: readonly number[] }
export type Weight = Value & { readonly data: Float32Array | BigInt64Array }
export type Attribute = number | string | readonly number[] | { readonly float: number }
export type Step = {
  readonly op: string
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  readonly attributes?: { readonly [name: string]: Attribute }
}
export type Graph = {
  readonly inputs: readonly Value[]
  readonly outputs: readonly Value[]
  readonly weights: readonly Weight[]
  readonly steps: readonly Step[]
}

const ELEMENT = { f32: 1, i64: 7 } as const
const ATTRIBUTE = { float: 1, int: 2, string: 3, ints: 7 } as const
const IR_VERSION = 8
const OPSET = 17

/** The bytes of a model with one graph. */
export const onnxModel = ({ inputs, outputs, weights, steps }: Graph): Uint8Array<ArrayBuffer> =>
  encode([
    varint(1, IR_VERSION),
    text(2, 'lockstep'),
    message(7, [
      ...steps.map((step, i) => message(1, node(step, i))),
      text(2, 'graph'),
      ...weights.map((weight) => message(5, tensor(weight))),
      ...inputs.map((value) => message(11, valueInfo(value))),
      ...outputs.map((value) => message(12, valueInfo(value))),
    ]),
    message(8, [text(1, ''), varint(2, OPSET)]),
  ])

const node = ({ op, inputs, outputs, attributes = {} }: Step, index: number): Field[] => [
  ...inputs.map((name) => text(1, name)),
  ...outputs.map((name) => text(2, name)),
  text(3, `${op}.${index}`),
  text(4, op),
  ...Object.entries(attributes).map(([name, value]) => message(5, attribute(name, value))),
]

const attribute = (name: string, value: Attribute): Field[] => {
  if (typeof value === 'number') return [text(1, name), varint(3, value), varint(20, ATTRIBUTE.int)]
  if (typeof value === 'string') return [text(1, name), text(4, value), varint(20, ATTRIBUTE.string)]
  if ('float' in value) return [text(1, name), float(2, value.float), varint(20, ATTRIBUTE.float)]
  return [text(1, name), ...value.map((n) => varint(8, n)), varint(20, ATTRIBUTE.ints)]
}

const tensor = ({ name, type, shape, data }: Weight): Field[] => [
  ...shape.map((n) => varint(1, n)),
  varint(2, ELEMENT[type]),
  text(8, name),
  bytes(9, new Uint8Array(data.buffer, data.byteOffset, data.byteLength)),
]

const valueInfo = ({ name, type, shape }: Value): Field[] => [
  text(1, name),
  message(2, [
    message(1, [
      varint(1, ELEMENT[type]),
      message(
        2,
        shape.map((n) => message(1, [varint(1, n)])),
      ),
    ]),
  ]),
]
