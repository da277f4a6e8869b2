import { parseArgs } from 'node:util'
import type { Served } from './serve-page.ts'

export type PageCommand<More extends string = never> = {
  /** As in `npm run NAME`. */
  readonly name: string
  /** What is served, as sentences begin with it. */
  readonly what: string
  readonly port: number
  /** Options of its own, and what stands for their values: `{ rounds: 'URL' }` is `--rounds URL`. */
  readonly more?: Readonly<Record<More, string>>
  readonly serve: (
    options: { readonly port: number; readonly isolated: boolean },
    more: { readonly [name in More]?: string },
  ) => Promise<Served>
}

/** Serves a page until Ctrl-C, as a command of the terminal with `--port N` and `--not-isolated`. */
export const runPageCommand = async <More extends string = never>({
  name,
  what,
  port,
  more,
  serve,
}: PageCommand<More>): Promise<void> => {
  const own = Object.entries<string>(more ?? {})
  const usage = [
    `Usage: npm run ${name} [-- --port N] [--not-isolated]`,
    ...own.map(([option, value]) => `[--${option} ${value}]`),
  ].join(' ')
  const refuse = (message: string): never => {
    process.stderr.write(`${message}\n${usage}\n`)
    return process.exit(2)
  }
  const read = () => {
    try {
      return parseArgs({
        options: {
          port: { type: 'string', default: String(port) },
          'not-isolated': { type: 'boolean', default: false },
          help: { type: 'boolean', default: false },
          ...Object.fromEntries(own.map(([option]) => [option, { type: 'string' as const }])),
        },
      }).values
    } catch (error) {
      return refuse((error as Error).message)
    }
  }
  const values = read()
  if (values.help) {
    console.log(usage)
    process.exit(0)
  }
  if (!/^\d{1,5}$/.test(values.port) || Number(values.port) > 65535)
    refuse(`--port is ${values.port}; allowed: 0 to 65535, 0 for any that is free.`)
  try {
    const given = Object.fromEntries(
      own.map(([option]) => [option, (values as Record<string, unknown>)[option]]),
    )
    const { url } = await serve(
      { port: Number(values.port), isolated: !values['not-isolated'] },
      given as { readonly [name in More]?: string },
    )
    console.log(`${what} is at ${url} until Ctrl-C.`)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const remedy =
      code === 'EADDRINUSE' ? `port ${values.port} is taken: choose another with --port.` : message
    process.stderr.write(`${what} cannot be served: ${remedy}\n`)
    process.exit(3)
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(0))
}
