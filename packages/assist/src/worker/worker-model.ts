import { AssistError } from '../assist-error.ts'
import type { Lessons, Suggester } from '../assistant/suggester.ts'
import type { Acceptance } from '../offering/acceptance.ts'
import { type Answer, type Ask, listen, type Port } from './port.ts'
import type { Model } from './serve-model.ts'

const failed = (message: string): AssistError =>
  new AssistError('worker-failed', "the model's worker", message, 'an answer', 'Start another one.')

/**
 * The page's end of a model in a worker. It is there when the worker has opened the model; where that fails, or the
 * worker dies, every call fails and says why. The worker stays its owner's to terminate.
 */
export const workerModel = (port: Port): Promise<Model> => {
  const waiting = new Map<number, { resolve: (value: never) => void; reject: (error: Error) => void }>()
  const questions = new Map<number, NonNullable<Lessons['between']>>()
  let next = 0
  let dead: AssistError | undefined
  const say = (ask: Ask): void => port.postMessage(ask)

  const call = <T>(
    of: 'suggester' | 'acceptance',
    method: string,
    args: readonly unknown[],
    id = next++,
  ): Promise<T> =>
    new Promise((resolve, reject) => {
      if (dead) return reject(dead)
      waiting.set(id, { resolve, reject })
      say({ kind: 'call', id, of, method, args })
    })

  const suggesterOf = ({
    symbols,
    context,
    remembers,
  }: Extract<Answer, { readonly kind: 'ready' }>): Suggester => ({
    ...{ symbols, context, ...(remembers && { remembers }) },
    suggest: (...args) => call('suggester', 'suggest', args),
    cancel: () => {
      if (!dead) say({ kind: 'cancel' })
    },
    remember: (...args) => call('suggester', 'remember', args),
    forget: (...args) => call('suggester', 'forget', args),
    learn: async ({ between, ...lessons }) => {
      const id = next++
      if (between) questions.set(id, between)
      try {
        return await call('suggester', 'learn', [lessons], id)
      } finally {
        questions.delete(id)
      }
    },
    evaluate: (...args) => call('suggester', 'evaluate', args),
    state: () => call('suggester', 'state', []),
    load: (...args) => call('suggester', 'load', args),
    close: () => call('suggester', 'close', []),
  })
  const acceptance: Acceptance = {
    probabilities: (...args) => call('acceptance', 'probabilities', args),
    learn: (...args) => call('acceptance', 'learn', args),
    close: () => call('acceptance', 'close', []),
  }

  return new Promise((resolve, reject) => {
    const die = (message: string): void => {
      dead ??= failed(message)
      for (const { reject } of waiting.values()) reject(dead)
      waiting.clear()
      reject(dead)
    }
    port.onerror = (event: { readonly message?: string }) =>
      die(event?.message ?? 'its module was not loaded: is it served beside the page?')
    port.onmessageerror = () => die('a message could not be read')
    listen<Answer>(port, (answer) => {
      if (answer.kind === 'ready') return resolve({ suggester: suggesterOf(answer), acceptance })
      if (answer.kind === 'between') {
        const go = (on: boolean): void => say({ kind: 'go', id: answer.id, on })
        const question = questions.get(answer.id)
        if (!question) return go(true)
        return void question().then(go, () => go(false))
      }
      if (answer.id === undefined) return die((answer as { readonly message: string }).message)
      const one = waiting.get(answer.id)
      waiting.delete(answer.id)
      if (answer.kind === 'result') one?.resolve(answer.value as never)
      else one?.reject(failed(answer.message))
    })
  })
}
