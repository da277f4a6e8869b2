import type { Executor } from '@lockstep/tensor'
import { SIZES } from '../choice.ts'
import { openTraining, ROOT_EVERY, type Training } from '../training.ts'
import { chooseExecutor } from './choose-executor.ts'
import type { FromTrainer, ToTrainer } from './messages.ts'

/**
 * The worker that trains. It is the executor's first thread and waits for the others, which a page may not; between
 * steps it hears the page.
 */
const scope = globalThis as unknown as {
  onmessage: ((event: { readonly data: ToTrainer }) => void) | null
  postMessage(message: FromTrainer): void
  close(): void
}
const tell = (message: FromTrainer): void => scope.postMessage(message)

/** What a text is written with, so that who writes the same twice reads the same twice. */
const WRITING = { tokens: 200, seed: 1, temperature: 0.7 } as const

let executor: Executor | undefined
let training: Training | undefined
let steps = 0
let running = false

const open = async ({ choice, engine, threads, text }: ToTrainer & { kind: 'open' }): Promise<void> => {
  const chosen = await chooseExecutor(engine, threads)
  executor = chosen.executor
  steps = SIZES[choice.size].steps
  training = await openTraining(choice, text, executor)
  tell({ kind: 'opened', program: training.program, steps, rows: chosen.rows })
}

const turns = new MessageChannel()
/** Lets messages in: what has arrived until now is heard before this resolves. */
const hear = (): Promise<void> =>
  new Promise((resolve) => {
    turns.port1.onmessage = () => resolve()
    turns.port2.postMessage(undefined)
  })

const run = async (): Promise<void> => {
  if (!training) return
  running = true
  while (running && training.at() < steps) {
    const loss = await training.step()
    tell({ kind: 'stepped', step: training.at(), loss })
    if (training.at() % ROOT_EVERY === 0) tell({ kind: 'rooted', step: training.at(), root: training.root() })
    await hear()
  }
  running = false
  tell({ kind: 'stopped', done: training.at() >= steps })
}

const write = async (prompt: string): Promise<void> => {
  if (!training) return
  tell({ kind: 'wrote', text: await training.sample({ prompt, ...WRITING }), at: training.at() })
}

/** Ends the threads, then this worker. */
const close = async (): Promise<void> => {
  training?.close()
  await executor?.close()
  scope.close()
}

/** What is under way; one thing is done after another. */
let busy: Promise<void> = Promise.resolve()
const inTurn = (work: () => Promise<void>): Promise<void> => {
  const turn = busy.then(work)
  busy = turn.catch(() => undefined)
  return turn
}

const obey = async (message: ToTrainer): Promise<void> => {
  switch (message.kind) {
    case 'open':
      return inTurn(() => open(message))
    case 'run':
      return inTurn(run)
    case 'pause':
      running = false
      return
    case 'write':
      return inTurn(() => write(message.prompt))
    case 'close':
      running = false
      return inTurn(close)
  }
}

scope.onmessage = ({ data }) =>
  void obey(data).catch((error: unknown) => {
    running = false
    tell({ kind: 'failed', message: error instanceof Error ? error.message : String(error) })
  })
