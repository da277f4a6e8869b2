import { decodeNetworkFile, MAX_NETWORK_FILE_BYTES, type NetworkFile } from '@lockstep/client'
import { unwrap } from '@lockstep/tensor'
import { badEnvironment, badInput } from '../cli-error.ts'
import { readBounded } from '../run/atomic-file.ts'
import type { Home } from './home.ts'

const ASK_MS = 10_000
const REMEDY = 'Name the file that `lockstep up` writes, or the address that it prints.'

/** The network that is meant: by an address or a file, or the one that this home knows. */
export const networkFor = async (
  home: Home,
  given: string | undefined,
  field = '--network',
): Promise<NetworkFile> => {
  if (given !== undefined) return readNetwork(given, field)
  return readNetwork(home.network, field).catch((error) => {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    throw badInput(
      'network-missing',
      field,
      `missing, and there is no ${home.network}`,
      'a network that is known here',
      `Start one with \`lockstep up\`, or give ${field} an address such as http://HOST:4400 or a file.`,
    )
  })
}

const readNetwork = async (source: string, field: string): Promise<NetworkFile> =>
  /^https?:\/\//i.test(source)
    ? askForNetwork(source, field)
    : unwrap(decodeNetworkFile(await readBounded(source, MAX_NETWORK_FILE_BYTES, REMEDY), source))

/** A node's word about its network: any node of it will do. */
const askForNetwork = async (address: string, field: string): Promise<NetworkFile> => {
  if (!URL.canParse(address))
    throw badInput('option-invalid', field, address, 'an address such as http://HOST:4400', REMEDY)
  const url = new URL(address)
  if (url.pathname === '/' || url.pathname === '') url.pathname = '/network'
  const unreachable = (value: string) =>
    badEnvironment(
      'network-unreachable',
      field,
      `${url.href}, ${value}`,
      'a node that answers',
      'Check the address, and that `lockstep up` runs there with --listen.',
    )
  let response: Response
  try {
    response = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(ASK_MS) })
  } catch (error) {
    const { cause, message } = error as Error & { cause?: NodeJS.ErrnoException }
    throw unreachable(`which does not answer: ${cause?.code ?? message}`)
  }
  const bytes = await boundedBody(response).catch(() => undefined)
  if (!response.ok) throw unreachable(`which answers with status ${response.status}`)
  if (bytes === undefined)
    throw unreachable(`whose answer is broken off, or over ${MAX_NETWORK_FILE_BYTES} bytes`)
  return unwrap(decodeNetworkFile(bytes, url.href))
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
