import { accelerateHash, type BatchHash } from '@lockstep/tensor'
import type { HashKernel, NativeModule } from './load.ts'

/** One of the addon's kernels as a batched hash. */
export const nativeHash = (native: NativeModule, { kernel, set }: HashKernel): BatchHash => ({
  name: `native ${set}`,
  leaves: (data, digests) => native.leaves(kernel, data, digests),
  parents: (row, above) => native.parents(kernel, row, above),
  root: (data, root) => native.root(kernel, data, root),
})

/** Makes the addon's fastest kernel this thread's batched hash, after it has shown that it is right. */
export const useNativeHash = (native: NativeModule): boolean => {
  const [fastest] = native.hashes
  if (!fastest) return false
  accelerateHash(nativeHash(native, fastest))
  return true
}
