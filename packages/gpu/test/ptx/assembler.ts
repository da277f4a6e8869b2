import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { PtxTarget } from '../../src/ptx/kernel-text.ts'

/** NVIDIA's assembler, where the machine has it. */
export const ptxas = (): string | undefined => {
  const path = process.env.PTXAS ?? 'ptxas'
  return spawnSync(path, ['--version']).status === 0 ? path : undefined
}
export const NO_PTXAS =
  'skipped: no ptxas on this machine (set PTXAS to its path, or install the CUDA compiler tools)'

/** What ptxas says of the registers and shared memory of a module's kernels; fails with its messages. */
export const assemble = (path: string, text: string, target: PtxTarget): string => {
  const folder = mkdtempSync(join(tmpdir(), 'ptx-'))
  try {
    const file = join(folder, 'm.ptx')
    writeFileSync(file, text)
    const args = [`-arch=${target}`, '-v', '-o', join(folder, 'm.cubin'), file]
    return execFileSync('sh', ['-c', 'exec "$0" "$@" 2>&1', path, ...args], { encoding: 'utf8' })
  } catch (error) {
    throw new Error(`ptxas for ${target}: ${String((error as { stdout?: string }).stdout).slice(0, 2000)}`)
  } finally {
    rmSync(folder, { recursive: true })
  }
}
