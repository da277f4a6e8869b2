import {
  type Assistant,
  type AssistStorage,
  createAssistant,
  type DatabaseFactory,
  type Environment,
  type GridAction,
  type GridState,
  gridEnvironment,
  indexedDbStorage,
  type Port,
  type TextAction,
  type TextState,
  textEnvironment,
  workerModel,
} from '@lockstep/assist'

export type Assistants = {
  readonly text: Assistant<TextState, TextAction>
  readonly grid: Assistant<GridState, GridAction>
  /** Where texts are kept. */
  readonly documents: AssistStorage
}

const storageOf = (name: string): Promise<AssistStorage> =>
  indexedDbStorage(`lockstep-${name}`, indexedDB as unknown as DatabaseFactory)

const open = async <State, Action>(
  name: string,
  environment: Environment<State, Action>,
  worker: Worker,
): Promise<Assistant<State, Action>> => {
  const [model, storage] = await Promise.all([workerModel(worker as unknown as Port), storageOf(name)])
  return createAssistant({ environment, ...model, storage, clock: () => Date.now() })
}

/** An assistant for each application, each with a model in a worker of its own and a database of its own. */
export const openAssistants = async (): Promise<Assistants> => {
  const textWorker = new Worker(new URL('./text-worker.ts', import.meta.url), { type: 'module' })
  const gridWorker = new Worker(new URL('./grid-worker.ts', import.meta.url), { type: 'module' })
  const [text, grid, documents] = await Promise.all([
    open('text', textEnvironment(), textWorker),
    open('grid', gridEnvironment(), gridWorker),
    storageOf('documents'),
  ])
  return { text, grid, documents }
}
