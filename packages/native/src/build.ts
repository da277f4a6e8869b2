import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { address, binaries, FLAGS, PACKAGE, PLATFORM, sources } from './address.ts'

export type Built = { readonly file: string; readonly fresh: boolean } | { readonly why: string }

/** Time that the compiler may take; it takes ten seconds. */
const PATIENCE = 180_000

/**
 * Compiles the addon with the system's compiler (`CXX`, else `c++`) unless it is there already, and gives its file.
 * Needs nothing from the network: Node-API's headers are a pinned package. Never throws: where there is no compiler, or
 * it refuses, `why` says so in one line.
 */
export const buildNative = (compiler: string = process.env.CXX || 'c++'): Built => {
  const name = address()
  const file = binaries(name)[0]!
  if (existsSync(file)) return { file, fresh: false }
  if (process.platform === 'win32')
    return { why: `the build script knows no compiler for ${PLATFORM}; use node-gyp with binding.gyp` }
  return compile(compiler, [], name, file)
}

/** Compiles into `file`, with more flags: also for another machine, when `compiler` is for one. */
export const compile = (compiler: string, more: readonly string[], name: string, file: string): Built => {
  try {
    mkdirSync(dirname(file), { recursive: true })
    const partial = `${file}.${process.pid}.partial` // two builds at once both end with a whole file
    const headers = join(dirname(createRequire(import.meta.url).resolve('node-api-headers')), 'include')
    const link = process.platform === 'darwin' ? ['-bundle', '-undefined', 'dynamic_lookup'] : ['-shared']
    const defines = [`-DLOCKSTEP_ADDRESS="${name}"`, '-DNAPI_VERSION=8']
    const args = [...FLAGS, ...more, ...link, ...defines, '-I', headers, '-o', partial, ...sources()]
    const { status, error, stderr } = spawnSync(compiler, args, {
      cwd: PACKAGE,
      timeout: PATIENCE,
      encoding: 'utf8',
    })
    if (status === 0) {
      renameSync(partial, file)
      return { file, fresh: true }
    }
    rmSync(partial, { force: true })
    if (error && 'code' in error && error.code === 'ENOENT')
      return { why: `there is no C++ compiler ${compiler}; install one, or name it in CXX` }
    return { why: `${compiler} failed: ${(error?.message ?? stderr).trim().split('\n')[0]}` }
  } catch (error) {
    return { why: `the addon could not be compiled: ${error instanceof Error ? error.message : error}` }
  }
}
