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
  learnApart,
  type Model,
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

const modelIn = (worker: Worker): Promise<Model> => workerModel(worker as unknown as Port)

const open = async <State, Action>(
  name: string,
  environment: Environment<State, Action>,
  spawn: () => Worker,
): Promise<Assistant<State, Action>> => {
  const [{ suggester, acceptance }, storage] = await Promise.all([modelIn(spawn()), storageOf(name)])
  const apart = learnApart(suggester, async () => {
    const worker = spawn()
    const end = (): void => worker.terminate()
    try {
      return { ...(await modelIn(worker)), end }
    } catch (error) {
      end()
      throw error
    }
  })
  return createAssistant({ environment, suggester: apart, acceptance, storage, clock: () => Date.now() })
}

const spawnText = (): Worker => new Worker(new URL('./text-worker.ts', import.meta.url), { type: 'module' })
const spawnGrid = (): Worker => new Worker(new URL('./grid-worker.ts', import.meta.url), { type: 'module' })

/**
 * An assistant for each application, each with a model in a worker of its own and a database of its own. While one learns it
 * has a second worker.
 */
export const openAssistants = async (): Promise<Assistants> => {
  const [text, grid, documents] = await Promise.all([
    open('text', textEnvironment(), spawnText),
    open('grid', gridEnvironment(), spawnGrid),
    storageOf('documents'),
  ])
  return { text, grid, documents }
}
