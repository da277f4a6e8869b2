import { type LanguageModel, parameterCount, parametersOf } from '@lockstep/models'
import { FaultError, type Tensor } from '@lockstep/tensor'

/** What a merge reads at most. Counts of numbers are exact in binary32 up to 2^24. */
export const MERGE_LIMITS = {
  members: 64,
  numbers: 2 ** 24, // of one model
  table: 2 ** 29, // of all together
} as const

/** The numbers of a model's parameters as one row, (N): tensor behind tensor, in the order of `parametersOf`. */
export const rowOf = (parameters: readonly Tensor[]): Tensor => {
  const data = joined(parameters.map((tensor) => tensor.data))
  return { dtype: 'f32', shape: [data.length / 4], data }
}

/** What rowOf was given. */
export const parametersFromRow = (model: LanguageModel, row: Tensor): Tensor[] => {
  let at = 0
  return parametersOf(model).map(({ shape }) => {
    const from = at
    at += 4 * shape.reduce((n, d) => n * d, 1)
    return { dtype: 'f32', shape, data: row.data.slice(from, at) }
  })
}

/** Members as the rows of one table, (M, N): what every merge reads. A FaultError where one has other tensors than the model. */
export const memberTable = (
  model: LanguageModel,
  members: readonly (readonly Tensor[])[],
  nameOf: (member: number) => string = (m) => `members[${m}]`,
): Tensor => {
  const specs = parametersOf(model)
  const numbers = parameterCount(specs)
  const most = Math.min(MERGE_LIMITS.members, Math.floor(MERGE_LIMITS.table / numbers))
  if (members.length < 1 || members.length > most)
    throw unfit('members', members.length, `1 to ${most} of ${numbers} numbers`, 'Merge fewer at a time.')
  if (numbers > MERGE_LIMITS.numbers)
    throw unfit('model', `${numbers} numbers`, `at most ${MERGE_LIMITS.numbers}`, 'Distil it instead.')
  for (const [m, parameters] of members.entries())
    for (const [i, { name, shape }] of specs.entries()) {
      const found = parameters[i]
      if (found?.dtype === 'f32' && found.shape.join() === shape.join()) continue
      const value = found ? `${found.dtype} [${found.shape}]` : 'missing'
      const remedy = 'Merge participants of one configuration, or distil them.'
      throw unfit(`${nameOf(m)}.${name}`, value, `f32 [${shape}]`, remedy)
    }
  const data = joined(members.flatMap((parameters) => parameters.map((tensor) => tensor.data)))
  return { dtype: 'f32', shape: [members.length, numbers], data }
}

/** Whether every number of some tensors is finite: no average has room for others. */
export const isFinite32 = (parameters: readonly Tensor[]): boolean =>
  parameters.every(({ data }) => {
    const view = new DataView(data.buffer, data.byteOffset, data.byteLength)
    for (let at = 0; at < data.byteLength; at += 4)
      if ((view.getUint32(at, true) & 0x7f800000) === 0x7f800000) return false
    return true
  })

const joined = (parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> => {
  const data = new Uint8Array(parts.reduce((n, { length }) => n + length, 0))
  let at = 0
  for (const part of parts) {
    data.set(part, at)
    at += part.length
  }
  return data
}

const unfit = (field: string, value: string | number, limit: string, remedy: string): FaultError =>
  new FaultError({ code: 'merge-invalid', field, value, limit, remedy })
