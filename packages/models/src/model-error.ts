/** What was wrong with a value given to this package. */
export type ModelErrorCode =
  | 'config-invalid' // a model's or optimiser's configuration
  | 'corpus-invalid' // bytes or tokens to train on
  | 'safetensors-malformed' // the container: lengths, header syntax, offsets
  | 'safetensors-unsupported' // well formed, but nothing this machine has
  | 'tokenizer-malformed' // a tokenizer's file
  | 'tokenizer-invalid' // arguments or ids that a tokenizer cannot take
  | 'hub-malformed' // a hub's files: something is missing, unknown or of another shape
  | 'hub-unsupported' // a hub's model that computes what this package does not
  | 'model-malformed' // a model file whose parts do not fit together

/** Every error this package throws on purpose: which field, its value, what is allowed, and what to do about it. */
export class ModelError extends Error {
  override readonly name = 'ModelError'
  readonly code: ModelErrorCode
  readonly field: string
  readonly value: string
  readonly limit: string
  readonly remedy: string

  constructor(code: ModelErrorCode, field: string, value: unknown, limit: string, remedy: string) {
    const shown = show(value)
    super(`${code}: ${field} is ${shown}; allowed: ${limit}. ${remedy}`)
    this.code = code
    this.field = field
    this.value = shown
    this.limit = limit
    this.remedy = remedy
  }
}

/** Values may come from a stranger's file: what is shown of one is short. */
const show = (value: unknown): string => {
  const text = typeof value === 'string' ? JSON.stringify(value.slice(0, 80)) : String(value).slice(0, 80)
  return text === '' ? 'empty' : text
}
