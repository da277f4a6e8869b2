import type { Gpu } from './gpu.ts'

/** What Dawn's package for Node gives. Whoever made a GPU keeps it: the package frees it otherwise. */
type DawnModule = { create(flags: readonly string[]): Gpu }
const kept: Gpu[] = []

/**
 * WebGPU in Node, where the package `webgpu` (Dawn) is installed: it is no dependency. Undefined where it is not, or
 * where its library does not load. `flags` are Dawn's own, such as `backend=vulkan`.
 */
export const dawnGpu = async (flags: readonly string[] = []): Promise<Gpu | undefined> => {
  const name: string = 'webgpu' // not a literal, so that bundlers for browsers leave it alone
  try {
    const { create } = (await import(name)) as DawnModule
    const gpu = create(flags)
    kept.push(gpu)
    return gpu
  } catch {
    return undefined
  }
}
