import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Multiply, MultiplyRows } from '@lockstep/tensor'
import { address, binaries, PLATFORM } from './address.ts'

/** A kernel of products that this machine can run, and the shape of the panels that it takes. */
export type ProductKernel = {
  readonly kernel: number
  readonly set: 'avx512' | 'avx2' | 'neon'
  readonly rows: number
  readonly columns: number
}
export type HashKernel = { readonly kernel: number; readonly set: 'sha' | 'avx512' | 'avx2' | 'sha2' }

/**
 * The addon as it is. Its functions check what they are given: a wrong argument is a TypeError or a RangeError, whatever
 * it is, and touches nothing. Lists have the fastest first.
 */
export type NativeModule = {
  readonly address: string
  readonly products: readonly ProductKernel[]
  readonly hashes: readonly HashKernel[]
  /**
   * The function of the border in packages/tensor/src/wasm/contraction/microkernel.ts, on the bytes of a memory. Words
   * are taken modulo 2^32.
   */
  readonly multiply: (kernel: number, memory: Uint8Array, ...border: Parameters<Multiply>) => void
  /** The function of the border in packages/tensor/src/wasm/contraction/few-rows.ts, likewise; at most 64 rows. */
  readonly multiplyRows: (kernel: number, memory: Uint8Array, ...border: Parameters<MultiplyRows>) => void
  /** Asks the system for large pages under bytes that have not been touched yet; whether it agreed. */
  readonly largePages: (memory: Uint8Array) => boolean
  /** The functions of `BatchHash`, with a kernel in front. */
  readonly leaves: (kernel: number, data: Uint8Array, digests: Uint8Array) => void
  readonly parents: (kernel: number, row: Uint8Array, above: Uint8Array) => void
  readonly root: (kernel: number, data: Uint8Array, root: Uint8Array) => void
}

export type Found = { readonly native: NativeModule } | { readonly why: string }

let found: Found | undefined

/** The addon, or why there is none here, in one plain line. Never throws. Looked for once in each thread. */
export const findNative = (): Found => {
  found ??= look()
  return found
}

/** The addon, or undefined where there is none: `findNative` says why. */
export const loadNative = (): NativeModule | undefined => {
  const result = findNative()
  return 'native' in result ? result.native : undefined
}

/** Forgets what was found: after a build. */
export const forgetNative = (): void => {
  found = undefined
}

const look = (): Found => {
  try {
    const wanted = address()
    const files = binaries(wanted).filter((file) => existsSync(file))
    let stale = false
    for (const file of files) {
      const native = createRequire(import.meta.url)(file) as NativeModule
      if (native.address === wanted) return { native }
      stale = true
    }
    if (stale)
      return { why: 'the native addon is of other sources than these; make it again with: npm run native' }
    return { why: `the native addon is not built for ${PLATFORM}; make it with: npm run native` }
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    return { why: `the native addon does not load: ${message.split('\n')[0]}` }
  }
}

/** Where threads import the accelerator from: with the fastest instruction set, or the one that is named. */
export const nativeUrl = (set?: ProductKernel['set']): string => {
  const url = new URL('./accelerator.ts', import.meta.url)
  if (set) url.searchParams.set('set', set)
  return url.href
}
