import {
  createAssistant,
  type DatabaseFactory,
  type Episode,
  indexedDbStorage,
  textEnvironment,
  workerModel,
} from '@lockstep/assist'
import { brokenLaws } from '../../../../packages/assist/test/storage-laws.ts'

/** What a page of the storage's test does when it is told to. */
export type StoragePage = {
  broken(): Promise<string[]>
  keys(): Promise<string[]>
  /** Writes with an assistant whose model is in a worker; what it offers at the end. */
  write(text: string): Promise<string | undefined>
  /** What was written before, as bytes of the newest episode. */
  written(): Promise<string>
}

/** As much of a page as is used here, which is also checked where there is no page. */
const { indexedDB, Worker, performance } = globalThis as unknown as {
  readonly indexedDB: DatabaseFactory
  readonly Worker: new (
    url: URL,
    options: { type: 'module' },
  ) => { postMessage(message: unknown): void; onmessage: null; terminate(): void }
  readonly performance: { now(): number }
}

const open = async () => {
  const worker = new Worker(new URL('./counting-worker.ts', import.meta.url), { type: 'module' })
  const assistant = await createAssistant({
    ...(await workerModel(worker)),
    environment: textEnvironment(),
    storage: await indexedDbStorage('assistant', indexedDB),
    clock: () => performance.now(),
    settings: { latency: 10_000 },
  })
  return { worker, assistant }
}
const textIn = ({ events }: Episode): string =>
  events.flatMap((event) => (event.kind === 'acted' ? [String.fromCharCode(...event.symbols)] : [])).join('')

const storage: StoragePage = {
  broken: async () => brokenLaws(await indexedDbStorage('laws', indexedDB)),
  keys: async () => (await indexedDbStorage('laws', indexedDB)).list(''),
  write: async (text) => {
    const { worker, assistant } = await open()
    let before = ''
    for (const typed of text) {
      await assistant.acted({ before, after: '', kind: 'prose' }, { typed })
      before += typed
    }
    const offer = await assistant.offer({ before, after: '', kind: 'prose' })
    await assistant.close()
    worker.terminate()
    return offer && 'typed' in offer.action ? offer.action.typed : undefined
  },
  written: async () => {
    const { worker, assistant } = await open()
    const [newest] = await assistant.episodes.list()
    const episode = newest && (await assistant.episodes.get(newest.id))
    await assistant.close()
    worker.terminate()
    return episode ? textIn(episode) : ''
  },
}
Object.assign(globalThis, { storage })
