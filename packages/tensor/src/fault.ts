/**
 * What is wrong with something that came from outside. Faults are values, not exceptions: a bad program, file or
 * message is expected, and says which field, what it held, what is allowed and what to do.
 */
export type Fault = {
  readonly code: string
  readonly field: string
  readonly value: string | number
  readonly limit: string | number
  readonly remedy: string
}

export type Result<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly fault: Fault }

export const ok = <T>(value: T): Result<T> => ({ ok: true, value })
export const fail = (fault: Fault): Result<never> => ({ ok: false, fault })

export const describeFault = (f: Fault): string =>
  `${f.field} is ${f.value}; allowed: ${f.limit}. ${f.remedy} [${f.code}]`

/** Thrown inside a decoder or validator and turned into a Result at its border; never escapes the package. */
export class FaultError extends Error {
  readonly fault: Fault
  constructor(fault: Fault) {
    super(describeFault(fault))
    this.name = 'FaultError'
    this.fault = fault
  }
}

/** Runs `fn`; a FaultError becomes a failed Result, anything else is a bug and passes through. */
export const catchFault = <T>(fn: () => T): Result<T> => {
  try {
    return ok(fn())
  } catch (error) {
    if (error instanceof FaultError) return fail(error.fault)
    throw error
  }
}

/** The value, or an exception with the fault's description: for callers who made the thing themselves. */
export const unwrap = <T>(result: Result<T>): T => {
  if (!result.ok) throw new FaultError(result.fault)
  return result.value
}
