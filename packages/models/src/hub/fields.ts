import { ModelError } from '../model-error.ts'

/** Characters that a hub's configuration may have. */
export const MAX_HUB_CONFIG = 65536

/** Fields that say nothing about what a network computes: who wrote the file, how it was trained, what its tokens mean. */
const BESIDE_THE_POINT = [
  '_name_or_path',
  'architectures',
  'bos_token_id',
  'dtype',
  'eos_token_id',
  'gradient_checkpointing',
  'initializer_range',
  'output_past',
  'pad_token_id',
  'task_specific_params',
  'torch_dtype',
  'transformers_version',
  'unk_token_id',
  'use_cache',
]

/** The fields of a hub's config.json. Every one must be asked for, or be known to be beside the point. */
export class HubFields {
  readonly #fields: ReadonlyMap<string, unknown>
  readonly #asked: Set<string> = new Set(BESIDE_THE_POINT)

  constructor(json: string) {
    this.#fields = new Map(Object.entries(objectIn(json)))
  }

  #ask(name: string): unknown {
    this.#asked.add(name)
    return this.#fields.get(name)
  }

  text(name: string): string {
    const value = this.#ask(name)
    if (typeof value === 'string') return value
    throw this.fault(name, value, 'a text')
  }

  /** A number, or `absent` where there is none or null. */
  number(name: string, absent?: number): number {
    const value = this.#ask(name) ?? absent
    if (typeof value === 'number') return value
    throw this.fault(name, value, 'a number')
  }

  boolean(name: string, absent: boolean): boolean {
    const value = this.#ask(name) ?? absent
    if (typeof value === 'boolean') return value
    throw this.fault(name, value, 'true or false')
  }

  /** Absent, null, or the one value that this package computes with. */
  fixed(name: string, only: string | number | boolean | undefined): void {
    const value = this.#ask(name) ?? only
    if (value !== only)
      throw this.fault(name, value, only === undefined ? 'none' : `${only}`, 'hub-unsupported')
  }

  /** A map of further fields, or none. */
  inner(name: string): HubFields | undefined {
    const value = this.#ask(name)
    return value === undefined || value === null ? undefined : new HubFields(JSON.stringify(value))
  }

  ignore(names: readonly string[]): void {
    for (const name of names) this.#asked.add(name)
  }

  /** Called last: a field that nobody has asked for might change what the network computes. */
  end(): void {
    for (const name of this.#fields.keys())
      if (!this.#asked.has(name)) throw this.fault(name, 'given', 'no unknown field', 'hub-unsupported')
  }

  fault(
    name: string,
    value: unknown,
    limit: string,
    code: 'hub-malformed' | 'hub-unsupported' = 'hub-malformed',
  ): ModelError {
    const shown = value === undefined ? 'missing' : typeof value === 'object' ? JSON.stringify(value) : value
    return new ModelError(
      code,
      `config.json ${name.slice(0, 80)}`,
      shown,
      limit,
      code === 'hub-malformed'
        ? 'Take the config.json that belongs to the weights.'
        : 'Import another model: this one computes something else than this package does.',
    )
  }
}

const objectIn = (json: string): object => {
  const refuse = (value: unknown, limit: string): ModelError =>
    new ModelError('hub-malformed', 'config.json', value, limit, 'Give the config.json of a model.')
  if (json.length > MAX_HUB_CONFIG)
    throw refuse(`${json.length} characters`, `at most ${MAX_HUB_CONFIG} characters`)
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch {
    throw refuse(json.slice(0, 40), 'JSON')
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw refuse(json.slice(0, 40), 'a map of fields')
  return value
}
