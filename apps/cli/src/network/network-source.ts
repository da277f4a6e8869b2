import { existsSync } from 'node:fs'
import { decodeNetworkFile, MAX_NETWORK_FILE_BYTES, type NetworkFile } from '@lockstep/client'
import { unwrap } from '@lockstep/tensor'
import { badEnvironment, badInput } from '../cli-error.ts'
import { readBounded } from '../run/bounded-file.ts'
import type { Home } from './home.ts'
import { isLoopback, USUAL_PORT } from './ports.ts'

const ASK_MS = 10_000
const REMEDY = 'Name the file that `lockstep up` writes, or the address that it prints.'
const ADDRESS = 'an address such as HOST, HOST:PORT or http://HOST:PORT, or a file'

/** The network that is meant: by an address or a file, or the one that this home knows. */
export const networkFor = async (
  home: Home,
  given: string | undefined,
  field = '--network',
): Promise<NetworkFile> => {
  if (given !== undefined) {
    const address = addressIn(given, field)
    if (address !== undefined) return askForNetwork(address, field)
    return fromFile(given).catch((error) => {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
      throw badInput('network-missing', field, `${given}, which is missing`, ADDRESS, REMEDY)
    })
  }
  return fromFile(home.network).catch((error) => {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    throw badInput(
      'network-missing',
      field,
      `missing, and there is no ${home.network}`,
      'a network that is known here',
      `Start one with \`lockstep up\`, or give ${field} the address of a node, such as its HOST, or a file.`,
    )
  })
}

/** An IPv4 address or a name, and perhaps a port: what is short to type. */
const HOST = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?(:\d{1,5})?$/i

/** The URL of a node that is meant; undefined where a file is. */
const addressIn = (given: string, field: string): URL | undefined => {
  const isUrl = /^[a-z]+:\/\//i.test(given)
  if (!isUrl && /^\/(ip4|ip6|dns4?|dns6|dnsaddr)\//.test(given)) {
    const host = given.split('/')[2]
    throw badInput(
      'option-invalid',
      field,
      `${given}, where peers meet`,
      ADDRESS,
      `A node tells of its network at its HTTP address: try ${field} ${host}.`,
    )
  }
  if (!isUrl && (!HOST.test(given) || existsSync(given) || /\.(json|ya?ml)$/i.test(given))) return undefined
  const text = isUrl ? given : `http://${given.includes(':') ? given : `${given}:${USUAL_PORT}`}`
  if (!/^https?:/i.test(text) || !URL.canParse(text))
    throw badInput('option-invalid', field, given, ADDRESS, REMEDY)
  return new URL(text)
}

const fromFile = async (path: string): Promise<NetworkFile> =>
  unwrap(decodeNetworkFile(await readBounded(path, MAX_NETWORK_FILE_BYTES, REMEDY), path))

/** A node's word about its network: any node of it will do. */
const askForNetwork = async (url: URL, field: string): Promise<NetworkFile> => {
  if (url.pathname === '/' || url.pathname === '') url.pathname = '/network'
  const unreachable = (value: string) =>
    badEnvironment(
      'network-unreachable',
      field,
      `${url.href}, ${value}`,
      'a node that answers',
      'Check the address, and that `lockstep up --listen HOST` runs there.',
    )
  let response: Response
  try {
    response = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(ASK_MS) })
  } catch (error) {
    const { cause, message, name } = error as Error & { cause?: NodeJS.ErrnoException }
    throw unreachable(
      name === 'TimeoutError'
        ? `which does not answer within ${ASK_MS / 1000} s`
        : `which does not answer: ${cause?.code ?? cause?.message ?? message}`,
    )
  }
  const bytes = await boundedBody(response).catch(() => undefined)
  if (!response.ok) throw unreachable(`which answers with status ${response.status}`)
  if (bytes === undefined)
    throw unreachable(`whose answer is broken off, or over ${MAX_NETWORK_FILE_BYTES} bytes`)
  const told = unwrap(decodeNetworkFile(bytes, url.href))
  if (isLoopback(new URL(told.rpc).hostname) && !isLoopback(url.hostname))
    throw badInput(
      'network-local',
      `the chain of ${url.href}`,
      `at ${told.rpc}`,
      'an address that other machines reach',
      'Start that network with `lockstep up --listen HOST`: what other machines reach it by.',
    )
  return told
}

const boundedBody = async (response: Response): Promise<Uint8Array | undefined> => {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of response.body ?? []) {
    length += chunk.length
    if (length > MAX_NETWORK_FILE_BYTES) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
