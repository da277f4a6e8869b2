import { type Fault, fail, type Result } from '@lockstep/tensor'

/** A fault as a failed Result, in one line. */
export const fault = (
  code: string,
  field: string,
  value: string | number,
  limit: string | number,
  remedy: string,
): Result<never> => fail({ code, field, value, limit, remedy } satisfies Fault)

export const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
