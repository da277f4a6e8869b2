import { isAbsolute, join, resolve } from 'node:path'
import { catchFault, FaultError, ok, type Result } from '@lockstep/tensor'
import { isMap, parseDocument } from 'yaml'
import { readBounded } from '../bounded-file.ts'
import { type About, decode, shown } from '../schema-fault.ts'
import { addressesSchema, configSchema, type MarketAddresses, type NodeConfig } from './schema.ts'

/** A config is a page of text. */
export const MAX_CONFIG_BYTES = 65_536

const ABOUT: About = {
  code: 'config-malformed',
  whole: 'config',
  remedy: 'Correct the config; `lockstep node init` writes one with every field.',
}

/** Reads a config's YAML (of which JSON is a part). */
export const parseConfig = (source: Uint8Array): Result<NodeConfig> => {
  const value = catchFault(() => yamlOf(source))
  return value.ok ? decode(configSchema, value.value, ABOUT) : value
}

/** A config with all of its paths absolute, and its contracts' addresses at hand. */
export type ResolvedConfig = Omit<NodeConfig, 'chain'> & {
  readonly chain: Omit<NodeConfig['chain'], 'addresses'> & { readonly addresses: MarketAddresses }
}

/** Reads a config file. Paths in it are seen from `directory`, and that from the file. */
export const readConfig = async (path: string): Promise<Result<ResolvedConfig>> => {
  const source = await readBounded(path, MAX_CONFIG_BYTES, ABOUT.remedy)
  if (!source.ok) return source
  const parsed = parseConfig(source.value)
  return parsed.ok ? resolveConfig(parsed.value, resolve(path, '..')) : parsed
}

export const resolveConfig = async (config: NodeConfig, from: string): Promise<Result<ResolvedConfig>> => {
  const { chain, keys, http, store } = config
  const directory = resolve(from, config.directory)
  const inside = (path: string): string => (isAbsolute(path) ? path : join(directory, path))
  const { passphraseFile } = keys
  const addresses =
    typeof chain.addresses === 'string' ? await readAddresses(inside(chain.addresses)) : ok(chain.addresses)
  if (!addresses.ok) return addresses
  return ok({
    ...config,
    directory,
    store: /^[a-z]+:\/\//.test(store) ? store : inside(store),
    chain: { ...chain, addresses: addresses.value },
    keys: {
      ...keys,
      directory: inside(keys.directory),
      ...(passphraseFile === undefined ? {} : { passphraseFile: inside(passphraseFile) }),
    },
    http: { ...http, tokenFile: inside(http.tokenFile) },
  })
}

/** The contracts' addresses as a deployment writes them. What else the file says is not looked at. */
const readAddresses = async (path: string): Promise<Result<MarketAddresses>> => {
  const about = {
    code: 'addresses-malformed',
    whole: path,
    remedy: 'Give the file that the deployment wrote, or the addresses themselves as chain.addresses.',
  }
  const source = await readBounded(path, MAX_CONFIG_BYTES, about.remedy)
  if (!source.ok) return source
  const value = catchFault(() => {
    try {
      return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(source.value)) as unknown
    } catch {
      throw malformed(path, 'no JSON', 'a JSON object', about)
    }
  })
  return value.ok ? decode(addressesSchema.strip(), value.value, about) : value
}

const yamlOf = (source: Uint8Array): unknown => {
  if (source.length > MAX_CONFIG_BYTES)
    throw malformed('config', `${source.length} bytes`, `at most ${MAX_CONFIG_BYTES} bytes`)
  const text = textOf(source)
  if (text.trim() === '') return {}
  const document = read(() => parseDocument(text, { uniqueKeys: true, prettyErrors: true, merge: false }))
  const [error] = document.errors
  if (error) {
    const line = error.linePos ? ` line ${error.linePos[0].line}` : ''
    throw malformed(`config${line}`, error.message.split('\n')[0], 'YAML or JSON')
  }
  if (document.contents === null) return {} // comments alone
  if (!isMap(document.contents)) throw malformed('config', text.slice(0, 40), 'a map of fields')
  return read(() => document.toJS({ maxAliasCount: 16 }))
}

const textOf = (source: Uint8Array): string => {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(source)
  } catch {
    throw malformed('config', 'no UTF-8', 'UTF-8 text')
  }
}

/** The YAML reader throws errors of its own on hostile texts, deep nesting among them. */
const read = <T>(fn: () => T): T => {
  try {
    return fn()
  } catch (error) {
    throw malformed('config', error instanceof Error ? error.message.split('\n')[0] : error, 'YAML or JSON')
  }
}

const malformed = (field: string, value: unknown, limit: string, { code, remedy } = ABOUT): FaultError =>
  new FaultError({ code, field: shown(field), value: shown(value), limit, remedy })
