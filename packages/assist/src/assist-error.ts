/** What was wrong with a value given to this package, or why it refuses. */
export type AssistErrorCode =
  | 'settings-invalid' // a setting out of its bounds
  | 'environment-invalid' // an environment that does not keep to its own description
  | 'episode-malformed' // bytes of an episode, or of an export
  | 'version-malformed' // bytes of a version, or a version that is not there
  | 'consent-missing' // something was to leave that nobody has agreed to
  | 'consent-malformed' // stored consents that cannot be read
  | 'storage-invalid' // a key or a stored value that a storage does not take
  | 'counts-malformed' // bytes of public counts
  | 'base-malformed' // bytes of a base that lack something or have something else
  | 'worker-failed' // the model's worker has ended, or said what is no answer
  | 'assistant-closed'

/** Every error this package throws on purpose: which field, its value, what is allowed, and what to do about it. */
export class AssistError extends Error {
  override readonly name = 'AssistError'
  readonly code: AssistErrorCode
  readonly field: string
  readonly value: string
  readonly limit: string
  readonly remedy: string

  constructor(code: AssistErrorCode, field: string, value: unknown, limit: string, remedy: string) {
    const shown = show(value)
    super(`${code}: ${field} is ${shown}; allowed: ${limit}. ${remedy}`)
    this.code = code
    this.field = field
    this.value = shown
    this.limit = limit
    this.remedy = remedy
  }
}

/** Values may come from a stranger's file: what is shown of one is short and has no control characters. */
const show = (value: unknown): string => {
  const text = typeof value === 'string' ? JSON.stringify(value.slice(0, 80)) : String(value).slice(0, 80)
  return text.replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, ' ') || 'empty'
}
