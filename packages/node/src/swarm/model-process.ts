import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { SwarmManifest } from '@lockstep/client'
import type { Asked, Group } from '@lockstep/swarm'
import { type Fault, FaultError } from '@lockstep/tensor'
import type { ModelWork, Question, Teaching } from './model-work.ts'

/** What a model's process is told of its learner. */
export type ModelTerms = {
  readonly manifest: SwarmManifest
  /** The file of a trained model to begin with. */
  readonly start?: string
  readonly threads: number
  /** The most bytes that its executor may take. */
  readonly memory: number
}

export type ToModel = {
  readonly id: number
  readonly ask:
    | { readonly kind: 'terms'; readonly terms: ModelTerms }
    | { readonly kind: 'open'; readonly file: string; readonly isFirst: boolean }
    | { readonly kind: 'answer'; readonly question: Question }
    | { readonly kind: 'judge'; readonly asked: readonly Asked[]; readonly groups: readonly Group[] }
    | { readonly kind: 'likeliest'; readonly prompts: readonly string[] }
    | { readonly kind: 'learn'; readonly teaching: Teaching }
}
export type FromModel =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly fault: Fault }
  | { readonly id: number; readonly error: string }

const MAIN = fileURLToPath(new URL('./model-main.ts', import.meta.url))
const LAST_WORDS = 4_096

/**
 * The work of a model in a process of its own, which is started with the first piece of work, and again with the next one
 * after it has ended on its own: then the state is to be opened again. It has no part in keys, chain or network.
 */
export const modelProcess = (terms: ModelTerms): ModelWork => {
  type Waiting = PromiseWithResolvers<unknown>
  let child: ChildProcess | undefined
  let ids = 0
  const waiting = new Map<number, Waiting>()

  const start = (): ChildProcess => {
    const args = { execArgv: ['--disable-warning=ExperimentalWarning'], env: {} }
    const started = fork(MAIN, [], {
      ...args,
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
    let lastWords = ''
    started.stderr!.setEncoding('utf8').on('data', (text: string) => {
      lastWords = (lastWords + text).slice(-LAST_WORDS)
    })
    started.on('message', (raw) => {
      const answer = raw as FromModel
      const asked = waiting.get(answer.id)
      waiting.delete(answer.id)
      if ('value' in answer) asked?.resolve(answer.value)
      else asked?.reject('fault' in answer ? new FaultError(answer.fault) : new Error(answer.error))
    })
    const end = (how: string): void => {
      if (child === started) child = undefined
      for (const asked of waiting.values())
        asked.reject(new Error(`the model's process ended: ${how} ${lastWords}`))
      waiting.clear()
    }
    started.once('error', (error) => end(error.message))
    started.once('close', (code, signal) => end(String(signal ?? code)))
    return started
  }
  const ask = (what: ToModel['ask']): Promise<unknown> => {
    const asked: Waiting = Promise.withResolvers()
    if (child === undefined) {
      child = start()
      if (what.kind !== 'terms') {
        const begun = ask({ kind: 'terms', terms })
        return begun.then(() => ask(what))
      }
    }
    const id = ids++
    waiting.set(id, asked)
    child.send({ id, ask: what } satisfies ToModel, (error) => error && asked.reject(error))
    return asked.promise
  }
  return {
    open: (file, isFirst) => ask({ kind: 'open', file, isFirst }) as ReturnType<ModelWork['open']>,
    answer: (question) => ask({ kind: 'answer', question }) as ReturnType<ModelWork['answer']>,
    judge: (asked, groups) => ask({ kind: 'judge', asked, groups }) as ReturnType<ModelWork['judge']>,
    likeliest: (prompts) => ask({ kind: 'likeliest', prompts }) as ReturnType<ModelWork['likeliest']>,
    learn: (teaching) => ask({ kind: 'learn', teaching }) as ReturnType<ModelWork['learn']>,
    close: () => {
      child?.kill('SIGKILL')
      child = undefined
    },
  }
}
