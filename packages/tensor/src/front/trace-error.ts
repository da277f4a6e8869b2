/** A mistake in code that builds a program: names the operation, the shapes, the limit and the remedy. */
export class TraceError extends Error {
  readonly operation: string
  constructor(operation: string, message: string) {
    super(`${operation}: ${message}`)
    this.name = 'TraceError'
    this.operation = operation
  }
}

/** A shape as text: [2, 3]. */
export const show = (shape: readonly number[]): string => `[${shape.join(', ')}]`
