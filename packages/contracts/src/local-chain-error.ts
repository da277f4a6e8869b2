export type LocalChainFault =
  | 'anvil-missing'
  | 'port-in-use'
  | 'start-failed'
  | 'start-timeout'
  | 'state-in-use'
  | 'state-damaged'

export class LocalChainError extends Error {
  override readonly name = 'LocalChainError'
  readonly code: LocalChainFault
  constructor(code: LocalChainFault, message: string) {
    super(message)
    this.code = code
  }
}
