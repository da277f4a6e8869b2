import { DTYPES, LEAF_BYTES, size, type Tensor, type TensorType } from '@lockstep/tensor'
import type { Digest } from './digest.ts'
import { leafDigests, leavesRoot, tensorDigest } from './hash.ts'
import { type Tree, treeOf, treeOfPacked } from './tree.ts'

export const elementsPerLeaf = (dtype: Tensor['dtype']): number => LEAF_BYTES / DTYPES[dtype].bytes

export const leafCount = (type: TensorType): number =>
  Math.ceil((size(type.shape) * DTYPES[type.dtype].bytes) / LEAF_BYTES)

/** Bytes of leaf `index` of a tensor of this type. */
export const leafLength = (type: TensorType, index: number): number =>
  Math.min(LEAF_BYTES, size(type.shape) * DTYPES[type.dtype].bytes - index * LEAF_BYTES)

export const leafBytes = (tensor: Tensor, index: number): Uint8Array =>
  tensor.data.subarray(index * LEAF_BYTES, (index + 1) * LEAF_BYTES)

/** The tree over a tensor's leaves. */
export const leavesOf = (tensor: Tensor): Tree => treeOfPacked(leafDigests(tensor.data))

export const digestOf = (tensor: Tensor): Digest =>
  tensorDigest(tensor.dtype, tensor.shape, leavesRoot(tensor.data))

/** The tree over the digests of tensors: a state, the inputs or the outputs. */
export const tensorsTree = (tensors: readonly Tensor[]): Tree => treeOf(tensors.map(digestOf))
