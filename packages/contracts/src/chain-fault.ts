import { fail, type Result } from '@lockstep/tensor'
import { BaseError, ContractFunctionRevertedError } from 'viem'

export type ChainFault = 'wrong-chain' | 'no-contract' | 'not-mined' | 'reverted' | 'unknown'

/** What is wrong with the connection to a chain, or with what stands there. */
export class ChainError extends Error {
  override readonly name = 'ChainError'
  readonly code: ChainFault
  constructor(code: ChainFault, message: string) {
    super(message)
    this.code = code
  }
}

const LOST = ['HttpRequestError', 'TimeoutError', 'SocketClosedError', 'WebSocketRequestError']
/** Whether an error says that nobody answered, and nothing of what was asked. */
export const isOutOfReach = (error: unknown): boolean =>
  error instanceof BaseError &&
  error.walk((cause) => cause instanceof Error && LOST.includes(cause.name)) !== null

/** A contract's refusal as a fault; anything else, such as a lost connection, is thrown again. */
export const refusal = (call: string, error: unknown): Result<never> => {
  const reverted =
    error instanceof BaseError ? error.walk((cause) => cause instanceof ContractFunctionRevertedError) : null
  if (!(reverted instanceof ContractFunctionRevertedError)) throw error
  const { data, signature, reason } = reverted
  return fail({
    code: 'call-refused',
    field: call,
    value: data?.errorName ?? signature ?? reason ?? 'reverted without a reason',
    limit: (data?.args ?? []).map(String).join(', '),
    remedy:
      'Nothing was changed. Read the chain again; what the contract refuses is not tried again as it is.',
  })
}
