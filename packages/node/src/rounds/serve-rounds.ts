import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createRoundsListener, type RoundsListenerOptions } from './rounds-listener.ts'

export type ServeRoundsOptions = Omit<RoundsListenerOptions, 'hosts' | 'ticks'> & {
  /** Loopback, unless others may reach it. */
  readonly host?: string
  /** 0, the default, finds a free one. */
  readonly port?: number
  /** By which names others call this host, beside loopback's. */
  readonly names?: readonly string[]
  readonly failed?: (error: unknown) => void
}

const REQUEST_TIMEOUT = 60_000

/** A server of its own for a keeper; an application that has one mounts `createRoundsListener` instead. */
export const serveRounds = async (
  options: ServeRoundsOptions,
): Promise<{ readonly url: string; readonly close: () => Promise<void> }> => {
  const { host = '127.0.0.1', port = 0, names = [], failed } = options
  const hosts: string[] = []
  const listener = createRoundsListener({ ...options, hosts, ticks: () => performance.now() })
  const server = createServer(
    { maxHeaderSize: 16_384, requestTimeout: REQUEST_TIMEOUT, headersTimeout: 10_000 },
    (request, response) => {
      listener(request, response).then(
        (answered) => {
          if (!answered) response.writeHead(404, { connection: 'close' }).end()
        },
        (error: unknown) => {
          failed?.(error)
          if (!response.headersSent) response.writeHead(500)
          response.end()
        },
      )
    },
  )
  server.maxConnections = 256
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, resolve)
  })
  const bound = (server.address() as AddressInfo).port
  for (const name of ['127.0.0.1', 'localhost', '[::1]', ...names]) hosts.push(`${name}:${bound}`)
  return {
    url: `http://127.0.0.1:${bound}/`,
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
    },
  }
}
