export type StoreFault =
  | 'store-locked'
  | 'store-unreachable'
  | 'store-damaged'
  | 'store-newer'
  | 'store-foreign'
  | 'store-interrupted'
  | 'store-lost'
  | 'store-misused'

/** Why a node's store cannot be used: what the person who runs the node has to see to. */
export class StoreError extends Error {
  override readonly name = 'StoreError'
  readonly code: StoreFault
  constructor(code: StoreFault, message: string) {
    super(message)
    this.code = code
  }
}

/** Whether it is of no use to try again: only a person can put it right. */
export const isLasting = (error: unknown): boolean =>
  error instanceof StoreError &&
  error.code !== 'store-interrupted' &&
  error.code !== 'store-unreachable' &&
  error.code !== 'store-locked'
