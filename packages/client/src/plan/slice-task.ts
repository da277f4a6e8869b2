import type { Slice, SliceRoots } from '@lockstep/market'
import {
  type CommittedProgram,
  commitProgram,
  encodeHeader,
  initialItem,
  type ProgramHeader,
  rootOf,
  sameBytes,
  type Task,
  tensorsTree,
  toHex,
  validateTask,
} from '@lockstep/proof'
import {
  decodeProgram,
  fail,
  type NamedType,
  ok,
  type Result,
  sameShape,
  type Tensor,
} from '@lockstep/tensor'

const REMEDY = 'Ask somebody else for it, or decline the slice.'
const wrong = (code: string, field: string, value: string | number, limit: string | number): Result<never> =>
  fail({ code, field, value, limit, remedy: REMEDY })

/** A stranger's bytes as the program of a post: decoded, valid, and the one that the post means. */
export const programFrom = (
  bytes: Uint8Array<ArrayBufferLike>,
  header: ProgramHeader,
): Result<CommittedProgram> => {
  const decoded = decodeProgram(bytes)
  if (!decoded.ok) return decoded
  const valid = validateTask(decoded.value)
  if (!valid.ok) return valid
  const committed = commitProgram(valid.value)
  if (sameBytes(encodeHeader(committed.header), encodeHeader(header))) return ok(committed)
  return wrong('program-differs', 'program', toHex(committed.id), 'the program of the post')
}

/** Tensors that a slice begins with and reads, from strangers, as the task that the chain's roots stand for. */
export const sliceTask = (
  committed: CommittedProgram,
  slice: Pick<Slice, 'steps' | 'segmentLength'>,
  roots: SliceRoots,
  initial: readonly Tensor[],
  inputs: readonly Tensor[],
): Result<Task> => {
  const { program } = committed
  const fits = checkTypes('state', program.state, initial)
  if (!fits.ok) return fits
  const fit = checkTypes('inputs', program.inputs, inputs)
  if (!fit.ok) return fit
  const item = toHex(initialItem(initial))
  if (item !== roots.initialItem.toLowerCase())
    return wrong('state-differs', 'initial item', item, roots.initialItem)
  const root = toHex(rootOf(tensorsTree(inputs)))
  if (root !== roots.inputsRoot.toLowerCase())
    return wrong('inputs-differ', 'inputs root', root, roots.inputsRoot)
  const { steps, segmentLength } = slice
  return ok({ committed, initial, inputs, steps, segmentLength })
}

const checkTypes = (field: string, types: readonly NamedType[], tensors: readonly Tensor[]): Result<void> => {
  if (types.length !== tensors.length)
    return wrong('tensors-differ', field, `${tensors.length} tensors`, types.length)
  for (const [i, { name, dtype, shape }] of types.entries()) {
    const tensor = tensors[i]!
    if (tensor.dtype === dtype && sameShape(tensor.shape, shape)) continue
    return wrong(
      'tensors-differ',
      `${field}.${name}`,
      `${tensor.dtype} [${tensor.shape}]`,
      `${dtype} [${shape}]`,
    )
  }
  return ok(undefined)
}
