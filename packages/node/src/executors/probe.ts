import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import type { ExecutorId } from './id.ts'
import { type ExecutorListing, executorListing, processors } from './machine.ts'

const PROBE = fileURLToPath(new URL('./probe-main.ts', import.meta.url))
/** Seconds for a driver to start, and for a device to prove itself: one in software compiles for long. */
const LIST_SECONDS = 60
const PROVE_SECONDS = 240
const MOST_BYTES = 2 ** 20

const positive = z.number().positive()
export const provenSchema = z.strictObject({
  conforms: z.boolean(),
  cases: z.int().min(0),
  digest: z.string().max(64),
  /** Why it is not used. */
  why: z.string().max(2048).optional(),
  /** Multiply-adds a second of a product; bytes a second of an elementwise step. */
  multiplyAdds: positive.optional(),
  bytesPerSecond: positive.optional(),
  /** Units a second that a program may count on which was never met. */
  unitsPerSecond: positive.optional(),
})
export type Proven = z.infer<typeof provenSchema>

const failed = z.strictObject({ why: z.string() })

/** What asks executors, in processes of their own. */
export type Probe = {
  readonly list: (signal?: AbortSignal) => Promise<ExecutorListing>
  /** Runs the committed cases, and `cases` more of each scalar program against the reference where they are asked for. */
  readonly prove: (
    id: ExecutorId,
    threads: number,
    options?: { readonly cases?: number; readonly signal?: AbortSignal },
  ) => Promise<Proven>
}

export const executorProbe: Probe = {
  list: async (signal) => {
    const answer = await ask({ kind: 'list' }, LIST_SECONDS, executorListing, signal)
    if (!('why' in answer)) return answer
    const { found, missing } = processors()
    return { found, missing: [...missing, { kind: 'devices', why: answer.why }] }
  },
  prove: async (id, threads, { cases, signal } = {}) => {
    const question = { kind: 'prove', id, threads, ...(cases !== undefined && { cases }) }
    const answer = await ask(question, PROVE_SECONDS, provenSchema, signal)
    return 'conforms' in answer ? answer : { conforms: false, cases: 0, digest: '', why: answer.why }
  },
}

/** Whether it is worth asking drivers at all: whoever has no device is not to wait for a process that says so. */
export const mayHaveDevices = (): boolean => {
  if (process.platform !== 'linux' || existsSync('/dev/nvidiactl') || existsSync('/dev/dxg')) return true
  try {
    import.meta.resolve('webgpu')
    return true
  } catch {
    return false
  }
}

/** What drivers find their libraries and devices by. Nothing else of this process is handed to those that compute. */
const NAMES = [
  ...['LD_LIBRARY_PATH', 'CUDA_VISIBLE_DEVICES', 'CUDA_DEVICE_ORDER', 'CUDA_CACHE_PATH', 'HOME'],
  ...['VK_ICD_FILENAMES', 'VK_DRIVER_FILES', 'VK_ADD_DRIVER_FILES', 'XDG_RUNTIME_DIR'],
  ...['SystemRoot', 'PATH', 'LOCALAPPDATA', 'APPDATA'],
]
export const driverEnvironment = (): { readonly [name: string]: string } =>
  Object.fromEntries(
    NAMES.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
  )

const ask = async <T>(
  question: object,
  seconds: number,
  schema: z.ZodType<T>,
  signal?: AbortSignal,
): Promise<T | { readonly why: string }> => {
  const args = ['--disable-warning=ExperimentalWarning', PROBE, JSON.stringify(question)]
  const ended = await new Promise<{ readonly out: string; readonly why?: string }>((done) => {
    const options = {
      ...({
        timeout: seconds * 1000,
        killSignal: 'SIGKILL',
        maxBuffer: MOST_BYTES,
        windowsHide: true,
      } as const),
      env: driverEnvironment(),
      ...(signal && { signal }),
    }
    execFile(process.execPath, args, options, (error, out, err) => {
      if (error === null) return done({ out })
      const last = err.trim().split('\n').at(-1) ?? ''
      const late = error.killed === true && signal?.aborted !== true
      done({
        out: '',
        why: late ? `no answer within ${seconds} s` : `${error.signal ?? 'it ended'} ${last}`.trim(),
      })
    })
  })
  if (ended.why !== undefined) return { why: ended.why.slice(0, 1000) }
  let answer: unknown
  try {
    answer = JSON.parse(ended.out.trim().split('\n').at(-1)!)
  } catch {
    return { why: 'the answer is no JSON' }
  }
  const said = schema.safeParse(answer)
  if (said.success) return said.data
  const fault = failed.safeParse(answer)
  return fault.success ? fault.data : { why: 'the answer is malformed' }
}
