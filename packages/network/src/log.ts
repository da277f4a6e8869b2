/** Where a peer tells what it does: the shape of a pino logger, so that one can be handed in as it is. */
export type Log = {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
}

/** For callers who do not listen. */
export const silent: Log = { debug: () => {}, info: () => {}, warn: () => {} }
