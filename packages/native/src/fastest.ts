import { createWasmExecutor, type WasmExecutor, type WasmOptions } from '@lockstep/tensor'
import { useNativeHash } from './hash.ts'
import { type Found, findNative, nativeUrl } from './load.ts'

/**
 * The fastest executor that this machine has: WebAssembly, with the addon for products and hashes where it is built,
 * and gives the reference's bits in every thread. Its name says which it is. With fma emulated there is no addon.
 */
export const createFastestExecutor = async (
  options: Omit<WasmOptions, 'accelerator'> = {},
  found: Found = findNative(),
): Promise<WasmExecutor> => {
  if ('why' in found) return createWasmExecutor(options)
  useNativeHash(found.native)
  const [kernel] = found.native.products
  if (!kernel || options.relaxed === 'off') return createWasmExecutor(options)
  const accelerator = { url: nativeUrl(kernel.set) }
  const executor = await createWasmExecutor({ ...options, accelerator }).catch(() => undefined)
  // Whatever it was that failed: if it is not the addon's fault, this fails with it too.
  if (!executor) return createWasmExecutor(options)
  return { ...executor, name: `${executor.name.replace(/ accelerated$/, '')}, native ${kernel.set}` }
}
