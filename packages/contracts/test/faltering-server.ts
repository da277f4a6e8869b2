import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What happens to a request on its way to the chain. */
export type Fate = 'pass' | 'lost' | 'unanswered'

/**
 * A server in front of a chain. For each request it asks what is to become of it: passed on and answered, lost before
 * the chain has it, or passed on and never answered.
 */
export type FalteringServer = { readonly url: string; readonly stop: () => Promise<void> }

export const startFalteringServer = async (
  target: string,
  fate: (method: string) => Fate,
): Promise<FalteringServer> => {
  const server = createServer(async (request, response) => {
    try {
      const body = await textOf(request)
      const { method } = JSON.parse(body) as { readonly method: string }
      const what = fate(method)
      if (what === 'lost') return response.destroy()
      const answer = await fetch(target, {
        method: 'POST',
        body,
        headers: { 'content-type': 'application/json' },
      })
      const text = await answer.text()
      if (what === 'unanswered') return response.destroy()
      response.writeHead(answer.status, { 'content-type': 'application/json' }).end(text)
    } catch {
      response.destroy()
    }
    return undefined
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

const textOf = async (request: IncomingMessage): Promise<string> => {
  let text = ''
  for await (const chunk of request) text += chunk
  return text
}
