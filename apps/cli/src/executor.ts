import { createWasmExecutor, type Executor } from '@lockstep/tensor'

/** The executor of every command: WebAssembly on so many threads. */
export const openExecutor = (threads: number): Promise<Executor> => createWasmExecutor({ threads })
