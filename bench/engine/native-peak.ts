import { execFile, execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

export type NativePeak = { readonly bits: number; readonly one: number; readonly two: number }

/**
 * The register-only peak of wider vectors than WebAssembly has, by a small C program, where a compiler is installed.
 * A width that the processor lacks is left out.
 */
export const nativePeaks = async (rounds: number): Promise<NativePeak[]> => {
  const directory = mkdtempSync(join(tmpdir(), 'lockstep-peak-'))
  const peaks: NativePeak[] = []
  try {
    for (const bits of [256, 512]) {
      const program = join(directory, `peak-${bits}`)
      const source = join(import.meta.dirname, 'native-peak.c')
      try {
        const flags = ['-O2', '-march=native', '-mprefer-vector-width=512', `-DBITS=${bits}`]
        const kept = process.arch === 'x64' ? flags : flags.filter((f) => !f.startsWith('-mprefer'))
        execFileSync('cc', [...kept, '-o', program, source], { stdio: 'ignore' })
      } catch {
        continue // no compiler, or no such registers
      }
      const best = async (processes: number): Promise<number> => {
        let most = 0
        for (let i = 0; i < rounds; i++) {
          const runs = Array.from({ length: processes }, () => promisify(execFile)(program))
          const rates = (await Promise.all(runs)).map(({ stdout }) => Number(stdout))
          most = Math.max(most, processes * Math.min(...rates))
        }
        return most
      }
      peaks.push({ bits, one: await best(1), two: await best(2) })
    }
    return peaks
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}
