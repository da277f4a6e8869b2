import { DTYPES, type Dtype, loadElement, storeElement, type Tensor } from '@lockstep/tensor'

/** The same numbers in another dtype of numbers: rounded to nearest-even, or exactly widened. */
export const castTensor = (tensor: Tensor, dtype: Dtype): Tensor => {
  if (tensor.dtype === dtype) return tensor
  const count = tensor.data.length / DTYPES[tensor.dtype].bytes
  const data = new Uint8Array(count * DTYPES[dtype].bytes)
  for (let i = 0; i < count; i++) storeElement(dtype, data, i, loadElement(tensor.dtype, tensor.data, i))
  return { dtype, shape: tensor.shape, data }
}
