import { type Grid, matmulQuantised, type Tensor, type TensorType } from '@lockstep/tensor'
import { castTensor } from './cast-tensor.ts'
import { type Weights, weightsOf } from './layer/weights.ts'
import type { Parameter } from './parameter.ts'
import { f32Tensor, f32Values } from './word.ts'

/**
 * How a model's matrices are stored where it is used and not trained. Arithmetic is in f32 whatever the storage.
 *
 * - `f32`: as they are learned.
 * - `bf16`: every matrix rounded to bf16, embeddings included.
 * - `int8`: the matrices of products as `quantise` of the tensor package makes them: whole numbers from -127 to 127,
 *   plus 128, in u8, and a scale for each column as a tensor NAME.scale of its own. Embeddings are bf16.
 */
export type Storage = 'f32' | 'bf16' | 'int8'

/** Which way a parameter is stored: gains and biases as they are, and an embedding, which is looked up, is no product. */
const storedAs = ({ name, shape }: Parameter, storage: Storage): 'f32' | 'bf16' | 'int8' => {
  if (shape.length !== 2 || storage === 'f32') return 'f32'
  return storage === 'int8' && name.endsWith('.weight') ? 'int8' : 'bf16'
}
const scaleOf = (name: string): string => `${name}.scale`

/** The inputs of a program that reads parameters as stored, in order. */
export const storedTypes = (
  parameters: readonly Parameter[],
  storage: Storage,
): { readonly [name: string]: TensorType } =>
  Object.fromEntries(
    parameters.flatMap((p): [string, TensorType][] => {
      const dtype = storedAs(p, storage)
      if (dtype !== 'int8') return [[p.name, { dtype, shape: p.shape }]]
      return [
        [p.name, { dtype: 'u8', shape: p.shape }],
        [scaleOf(p.name), { dtype: 'f32', shape: [p.shape[1]!] }],
      ]
    }),
  )

/** Learned tensors, in the order of the parameters, as the inputs that `storedTypes` names. */
export const storedTensors = (
  parameters: readonly Parameter[],
  tensors: readonly Tensor[],
  storage: Storage,
): Tensor[] =>
  parameters.flatMap((p, i) => {
    const dtype = storedAs(p, storage)
    return dtype === 'int8' ? columnsToInt8(tensors[i]!) : [castTensor(tensors[i]!, dtype)]
  })

/** What `quantise` gives of a matrix (I, O), each operation rounded to binary32 as there: u8, and scales (O). */
const columnsToInt8 = (matrix: Tensor): [Tensor, Tensor] => {
  const [rows, columns] = matrix.shape as [number, number]
  const values = f32Values(matrix)
  const scales = new Float32Array(columns)
  for (let i = 0; i < rows; i++)
    for (let o = 0; o < columns; o++) scales[o] = Math.max(scales[o]!, Math.abs(values[i * columns + o]!))
  for (let o = 0; o < columns; o++) scales[o] = scales[o]! * Math.fround(1 / 127)
  const data = new Uint8Array(rows * columns)
  for (let i = 0; i < data.length; i++) {
    const scale = scales[i % columns]!
    data[i] = scale === 0 ? 128 : Math.fround(Math.fround(values[i]! / scale) + 128.5)
  }
  return [{ dtype: 'u8', shape: matrix.shape, data }, f32Tensor([columns], scales)]
}

/** Stored inputs as the weights that a network computes with. */
export const storedWeights = (
  given: { readonly [name: string]: Grid },
  parameters: readonly Parameter[],
  storage: Storage,
): Weights => {
  const plain = weightsOf((name) => given[name] as Grid<'f'>)
  const whole = new Set(parameters.filter((p) => storedAs(p, storage) === 'int8').map((p) => p.name))
  return {
    of: plain.of,
    product: (x, name) => {
      if (!whole.has(name)) return plain.product(x, name)
      const [words, scale] = [given[name] as Grid<'u'>, given[scaleOf(name)] as Grid<'f'>]
      return matmulQuantised(x, { words, scale })
    },
  }
}
