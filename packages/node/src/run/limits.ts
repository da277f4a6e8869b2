import { loadNative } from '@lockstep/native'
import { z } from 'zod'

/** What a run may take of the machine. */
export const limitsSchema = z.strictObject({
  /** Bytes of memory the process may have resident, the about 130 MB included that it takes before it does anything. */
  memory: z
    .int()
    .min(2 ** 27)
    .max(2 ** 48),
  /** Seconds it may run; pauses do not count. */
  time: z
    .number()
    .positive()
    .max(2 ** 31 / 1000)
    .optional(),
  /** How readily it lets other processes run first, 0 to 19. */
  nice: z.int().min(0).max(19).optional(),
})
export type Limits = z.input<typeof limitsSchema>

/** What the watchdog thread of a process is given. */
export type Watch = { readonly parent: number; readonly memory: number }

/** What the parent reads in the last words of a process that was ended for its memory. */
export const OVER_MEMORY = 'lockstep: over memory'

const MIB = 2 ** 20

/** Old space for what a program, its trees and a journal take as objects; tensors are outside of it. */
const oldSpaceMib = (memory: number): number => Math.min(Math.max(Math.floor(memory / 4 / MIB), 64), 4096)

/**
 * The data segment that the system allows at most: the last line behind the watchdog, which looks only now and then.
 * The engine reserves address space for code in every thread that counts as data and is never touched; one thread
 * more than those that share a step roots its checkpoints.
 */
const dataKib = (memory: number, threads: number): number =>
  Math.ceil((2 * memory) / 1024) + (2048 + 512 * (threads + 1)) * 1024

const SHELL = 'ulimit -c 0; ulimit -d "$1" 2>/dev/null; n=$2; shift 2; exec nice -n "$n" "$@"'

/**
 * The command line that starts `script` within limits. It may read files, and write in `directory` only. A driver maps far
 * more than it touches, and a device's memory is not the process's: where there is one, the watchdog alone looks.
 */
export const limitedCommand = (
  script: string,
  directory: string | undefined,
  { memory, nice = 0 }: Limits,
  threads: number,
  isOnDevice = false,
): readonly [command: string, args: readonly string[]] => {
  const node = [
    process.execPath,
    `--max-old-space-size=${oldSpaceMib(memory)}`,
    '--permission',
    '--allow-worker',
    ...(isOnDevice || loadNative() ? ['--allow-addons'] : []),
    '--allow-fs-read=*',
    ...(directory === undefined ? [] : [`--allow-fs-write=${directory}`]),
    '--disable-warning=SecurityWarning',
    script,
  ]
  if (process.platform === 'win32') return [node[0]!, node.slice(1)]
  const data = isOnDevice ? 'unlimited' : String(dataKib(memory, threads))
  return ['/bin/sh', ['-c', SHELL, 'sh', data, String(nice), ...node]]
}
