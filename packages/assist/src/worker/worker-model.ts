import { AssistError } from '../assist-error.ts'
import type { Lessons, Suggester } from '../assistant/suggester.ts'
import type { Episode } from '../episode/episode.ts'
import type { Acceptance } from '../offering/acceptance.ts'
import { type Answer, type Ask, type Lot, listen, type Port } from './port.ts'
import { createBreath, type Model } from './serve-model.ts'

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
  // What is asked in one go travels as one message: each wakes the worker, which on few processors stops the page.
  let outbox: Ask[] = []
  const send = (): void => {
    const asks = outbox
    outbox = []
    try {
      port.postMessage(asks)
    } catch (error) {
      die(`a message could not be sent: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  const say = (ask: Ask): void => {
    if (outbox.push(ask) === 1) queueMicrotask(send)
  }
  const die = (message: string): void => {
    dead ??= failed(message)
    for (const { reject } of waiting.values()) reject(dead)
    waiting.clear()
  }
  let suggesting = 0

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

  /** Sends episodes with other things in between, so that a page with many of them does not stand still. */
  const lend = async (...lists: readonly (readonly Episode[])[]): Promise<Lot[]> => {
    const { breathe, close } = createBreath()
    try {
      const lots: Lot[] = []
      for (const episodes of lists) {
        const lot = next++
        lots.push({ lot })
        for (const episode of episodes) {
          if (dead) throw dead
          say({ kind: 'lend', lot, episode })
          await breathe()
        }
      }
      return lots
    } finally {
      close()
    }
  }

  const suggesterOf = ({
    symbols,
    context,
    remembers,
  }: Extract<Answer, { readonly kind: 'ready' }>): Suggester => ({
    ...{ symbols, context, ...(remembers && { remembers }) },
    suggest: async (...args) => {
      suggesting++
      try {
        return await call('suggester', 'suggest', args)
      } finally {
        suggesting--
      }
    },
    cancel: () => {
      if (!dead && suggesting > 0) say({ kind: 'cancel' })
    },
    remember: (...args) => call('suggester', 'remember', args),
    forget: (...args) => call('suggester', 'forget', args),
    learn: async ({ between, ...lessons }) => {
      const [episodes, heldOut] = await lend(lessons.episodes, lessons.heldOut)
      const id = next++
      if (between) questions.set(id, between)
      try {
        return await call('suggester', 'learn', [{ ...lessons, episodes, heldOut }], id)
      } finally {
        questions.delete(id)
      }
    },
    evaluate: async (exam) => {
      const [after, on] = await lend(exam.after, exam.on)
      return call('suggester', 'evaluate', [{ after, on }])
    },
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
    const end = (message: string): void => {
      die(message)
      reject(dead)
    }
    port.onerror = (event: { readonly message?: string }) =>
      end(event?.message ?? 'its module was not loaded: is it served beside the page?')
    port.onmessageerror = () => end('a message could not be read')
    listen<Answer>(port, (answer) => {
      if (answer.kind === 'ready') return resolve({ suggester: suggesterOf(answer), acceptance })
      if (answer.kind === 'between') {
        const go = (on: boolean): void => say({ kind: 'go', id: answer.id, on })
        const question = questions.get(answer.id)
        if (!question) return go(true)
        return void question().then(go, () => go(false))
      }
      if (answer.id === undefined) return end((answer as { readonly message: string }).message)
      const one = waiting.get(answer.id)
      waiting.delete(answer.id)
      if (answer.kind === 'result') one?.resolve(answer.value as never)
      else one?.reject(failed(answer.message))
    })
  })
}
