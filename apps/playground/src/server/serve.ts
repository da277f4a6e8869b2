import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Choice, isSize, MOST_SEED, SIZES } from '../choice.ts'
import { ROOT_EVERY } from '../training.ts'
import { bundleForBrowser } from './bundle.ts'
import { openNodeRuns } from './node-runs.ts'
import { type Served, servePage } from './serve-page.ts'

export type ServeOptions = {
  /** 0, the default, takes a free one. */
  readonly port?: number
  /** Whether pages are cross-origin isolated, which threads need. Default true. */
  readonly isolated?: boolean
  /** More modules for the browser, and more files, for whoever tests. */
  readonly modules?: readonly string[]
  readonly files?: ReadonlyMap<string, Uint8Array>
}

const SOURCE = join(import.meta.dirname, '..', 'page')
const TEXT = join(import.meta.dirname, '../../../../data/moby-dick.txt')

/** Serves the playground on this machine alone, and answers its pages' questions about what Node computes. */
export const servePlayground = async (options: ServeOptions = {}): Promise<Served> => {
  const { port = 0, isolated = true, modules = [], files: more = new Map() } = options
  const text = await readFile(TEXT)
  const files = new Map<string, Uint8Array>([
    ...(await bundleForBrowser([join(SOURCE, 'page.ts'), ...modules])),
    ['moby-dick.txt', text],
    ['', await readFile(join(SOURCE, 'index.html'))],
    ['style.css', await readFile(join(SOURCE, 'style.css'))],
    ['icon.svg', await readFile(join(SOURCE, 'icon.svg'))],
    ...more,
  ])
  const runs = openNodeRuns(text)
  const { url, close } = await servePage({
    files,
    port,
    isolated,
    answer: async ({ pathname, searchParams }) => {
      if (pathname !== '/node-root') return undefined
      const asked = readQuestion(searchParams)
      if (asked)
        return { type: 'application/json', body: JSON.stringify(await runs.root(asked.choice, asked.step)) }
      const body = `Ask with size, seed and a step: a multiple of ${ROOT_EVERY}.\n`
      return { status: 400, type: 'text/plain', body }
    },
  })
  return {
    url,
    close: async () => {
      await Promise.all([close(), runs.close()])
    },
  }
}

/** What a page asks for, within bounds; undefined where it is anything else. */
const readQuestion = (asked: URLSearchParams): { choice: Choice; step: number } | undefined => {
  const size = asked.get('size') ?? ''
  const integer = (name: string, least: number, most: number): number | undefined => {
    const written = asked.get(name) ?? ''
    const n = Number(written)
    return /^\d{1,10}$/.test(written) && n >= least && n <= most ? n : undefined
  }
  if (!isSize(size)) return undefined
  const [seed, step] = [integer('seed', 0, MOST_SEED), integer('step', ROOT_EVERY, SIZES[size].steps)]
  return seed === undefined || step === undefined || step % ROOT_EVERY !== 0
    ? undefined
    : { choice: { size, seed }, step }
}
