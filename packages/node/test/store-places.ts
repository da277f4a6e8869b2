import { execFileSync, spawn } from 'node:child_process'
import { chownSync, existsSync, globSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'

/** Where the laws of a store are tried: each call of `fresh` names a place that has never been used. */
export type StorePlace = { readonly fresh: () => string; readonly stop: () => Promise<void> }

export const sqlitePlace = (): StorePlace => {
  const root = mkdtempSync(join(tmpdir(), 'lockstep-store-'))
  let count = 0
  return {
    fresh: () => join(root, `${count++}`, 'node.db'),
    stop: async () => rmSync(root, { recursive: true, force: true }),
  }
}

/** The newest PostgreSQL server on this machine, if there is one. */
const binaries = (): string | undefined =>
  [...globSync('/usr/lib/postgresql/*/bin').sort().reverse(), ...(process.env.PATH ?? '').split(':')].find(
    (folder) => existsSync(join(folder, 'initdb')) && existsSync(join(folder, 'postgres')),
  )

/** PostgreSQL refuses to run as root: then it runs as its own user. */
const owner = (): { readonly uid: number; readonly gid: number } | undefined | 'none' => {
  if (process.getuid?.() !== 0) return undefined
  try {
    const id = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { stdio: 'pipe' }))
    return { uid: id('-u'), gid: id('-g') }
  } catch {
    return 'none'
  }
}

const freePort = async (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number }
      server.close(() => resolve(port))
    })
  })

/** A server of its own in a temporary directory; a sentence where this machine cannot run one. */
export const postgresPlace = async (): Promise<StorePlace | string> => {
  const folder = binaries()
  if (folder === undefined) return 'no PostgreSQL server on this machine (Debian: apt-get install postgresql)'
  const as = owner()
  if (as === 'none') return 'PostgreSQL does not run as root, and there is no user postgres'
  const root = mkdtempSync(join(tmpdir(), 'lockstep-postgres-'))
  if (as) chownSync(root, as.uid, as.gid)
  const data = join(root, 'data')
  const process_ = { cwd: root, stdio: 'pipe', ...(as ?? {}) } as const
  execFileSync(
    join(folder, 'initdb'),
    ['-D', data, '-U', 'lockstep', '--auth=trust', '--encoding=UTF8', '--locale=C.UTF-8'],
    process_,
  )
  const port = await freePort()
  const server = spawn(
    join(folder, 'postgres'),
    ['-D', data, '-p', `${port}`, '-k', root, '-c', 'listen_addresses=127.0.0.1'],
    { ...process_, stdio: 'ignore' },
  )
  const ended = new Promise<void>((resolve) => server.once('exit', () => resolve()))
  const killWithUs = () => server.kill('SIGINT')
  process.once('exit', killWithUs)
  const stop = async () => {
    server.kill('SIGINT')
    await ended
    process.off('exit', killWithUs)
    rmSync(root, { recursive: true, force: true })
  }
  const url = `postgres://lockstep@127.0.0.1:${port}/postgres`
  for (let attempt = 0; ; attempt++) {
    const client = new pg.Client({ connectionString: url })
    try {
      await client.connect()
      await client.end()
      break
    } catch (error) {
      if (attempt === 100) {
        await stop()
        throw error
      }
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }
  let count = 0
  return { fresh: () => `${url}?schema=node_${count++}`, stop }
}
