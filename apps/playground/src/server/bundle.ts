import { readFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { build, type Plugin } from 'esbuild'

/** What a page loads: names without folders, and their bytes. */
export type Bundle = ReadonlyMap<string, Uint8Array>

/**
 * Modules for a browser from TypeScript: the given ones and every module that one of them starts as a worker, by
 * `new URL('./name.ts', import.meta.url)`. All of them lie in one folder under their own names with `.js`.
 */
export const bundleForBrowser = async (entries: readonly string[]): Promise<Bundle> => {
  const bundled = new Map<string, Uint8Array>()
  const done = new Set<string>()
  let next = [...entries]
  while (next.length > 0) {
    for (const entry of next) done.add(entry)
    const workers = new Set<string>()
    const { outputFiles } = await build({
      entryPoints: next,
      bundle: true,
      splitting: true,
      write: false,
      outdir: '/',
      entryNames: '[name]',
      chunkNames: 'part-[hash]',
      format: 'esm',
      platform: 'browser',
      target: 'es2022',
      minify: true,
      sourcemap: true,
      logLevel: 'silent', // what is wrong is in the error
      plugins: [workerModules(workers)],
    })
    for (const { path, contents } of outputFiles) bundled.set(basename(path), contents)
    next = [...workers].filter((worker) => !done.has(worker))
  }
  return bundled
}

const WORKER = /new URL\('(\.\/[a-z-]+)\.ts', import\.meta\.url\)/g

/** Finds the modules of workers, which esbuild takes for ordinary strings, and names them as they will lie. */
const workerModules = (found: Set<string>): Plugin => ({
  name: 'worker modules',
  setup: ({ onLoad }) => {
    onLoad({ filter: /\.ts$/ }, async ({ path }) => {
      const source = await readFile(path, 'utf8')
      const contents = source.replace(WORKER, (_, name: string) => {
        found.add(join(dirname(path), `${name}.ts`))
        return `new URL('${name}.js', import.meta.url)`
      })
      return { contents, loader: 'ts' }
    })
  },
})
