import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { TestContext } from 'node:test'

export type Child = {
  readonly lines: string[]
  /** The first line that begins so, or all lines when the process ended without it. */
  line(start: string): Promise<string>
  kill(): Promise<void>
  ended: Promise<void>
}

/** Starts blob-process.ts; it is killed with the test at the latest. */
export const startChild = (t: TestContext, ...args: string[]): Child => {
  const script = join(import.meta.dirname, 'blob-process.ts')
  const child: ChildProcess = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', script, ...args],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  const lines: string[] = []
  const looking = new Set<() => void>()
  createInterface({ input: child.stdout! }).on('line', (line) => {
    lines.push(line)
    for (const look of looking) look()
  })
  let over = false
  const ended = new Promise<void>((resolve) =>
    child.on('close', () => {
      over = true
      for (const look of looking) look()
      resolve()
    }),
  )
  t.after(() => child.kill('SIGKILL'))
  return {
    lines,
    ended,
    line: (start) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const found = lines.find((line) => line.startsWith(start))
          if (found === undefined && !over) return
          looking.delete(look)
          if (found !== undefined) resolve(found)
          else reject(new Error(`No line begins with ${start}: ${lines.slice(-5).join(' | ')}`))
        }
        looking.add(look)
        look()
      }),
    async kill() {
      child.kill('SIGKILL')
      await ended
    },
  }
}
