import { type ParseArgsConfig, parseArgs } from 'node:util'

/** A script's arguments; one that it does not have ends it with a line that says so. */
export const scriptArguments = <T extends ParseArgsConfig>(config: T): ReturnType<typeof parseArgs<T>> => {
  try {
    return parseArgs(config)
  } catch (error) {
    console.error((error as Error).message)
    return process.exit(2)
  }
}
