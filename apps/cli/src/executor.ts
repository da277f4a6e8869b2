import { createFastestExecutor } from '@lockstep/native'
import type { Executor } from '@lockstep/tensor'

/** The executor of every command, on so many threads: WebAssembly, with the native addon where it is built. */
export const openExecutor = (threads: number): Promise<Executor> => createFastestExecutor({ threads })
