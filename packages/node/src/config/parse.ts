import { isAbsolute, join, resolve } from 'node:path'
import type { Deployment } from '@lockstep/contracts'
import { catchFault, FaultError, ok, type Result } from '@lockstep/tensor'
import { isMap, parseDocument } from 'yaml'
import { readBounded } from '../bounded-file.ts'
import { type About, decode, shown } from '../schema-fault.ts'
import { configSchema, deploymentSchema, type NodeConfig } from './schema.ts'

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

/** A config with all of its paths absolute, and the market's deployment at hand. */
export type ResolvedConfig = Omit<NodeConfig, 'chain'> & {
  readonly chain: Omit<NodeConfig['chain'], 'deployment'> & { readonly deployment: Deployment }
}

/** Reads a config file. Paths in it are seen from `directory`, and that from the file. */
export const readConfig = async (path: string): Promise<Result<ResolvedConfig>> => {
  const source = await readBounded(path, MAX_CONFIG_BYTES, ABOUT.remedy)
  if (!source.ok) return source
  const parsed = parseConfig(source.value)
  return parsed.ok ? resolveConfig(parsed.value, resolve(path, '..')) : parsed
}

export const resolveConfig = async (config: NodeConfig, from: string): Promise<Result<ResolvedConfig>> => {
  const { chain, keys, account, executor, http, store } = config
  const directory = resolve(from, config.directory)
  const inside = (path: string): string => (isAbsolute(path) ? path : join(directory, path))
  const { passphraseFile } = keys
  const deployment =
    typeof chain.deployment === 'string'
      ? await readDeployment(inside(chain.deployment))
      : ok(chain.deployment)
  if (!deployment.ok) return deployment
  return ok({
    ...config,
    directory,
    store: /^[a-z]+:\/\//.test(store) ? store : inside(store),
    chain: { ...chain, deployment: deployment.value },
    keys: {
      ...keys,
      directory: inside(keys.directory),
      ...(passphraseFile === undefined ? {} : { passphraseFile: inside(passphraseFile) }),
    },
    account: { ...account, directory: inside(account.directory) },
    ...(executor === undefined
      ? {}
      : {
          executor:
            typeof executor === 'string' ? executor : { ...executor, module: inside(executor.module) },
        }),
    http: { ...http, tokenFile: inside(http.tokenFile) },
  })
}

/** Where a market stands, from the file that its deployment wrote. */
export const readDeployment = async (path: string): Promise<Result<Deployment>> => {
  const about = {
    code: 'deployment-malformed',
    whole: path,
    remedy: 'Give the file that the deployment wrote, or what it says as chain.deployment.',
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
  return value.ok ? decode(deploymentSchema, value.value, about) : value
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
