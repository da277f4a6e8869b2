import { pathToFileURL } from 'node:url'
import { createFastestExecutor } from '@lockstep/native'
import type { Executor } from '@lockstep/tensor'
import { openById } from '../executors/open-by-id.ts'
import { runFault } from './run-fault.ts'
import type { ExecutorSpec } from './run-spec.ts'

/** What an executor's module is given. */
export type ExecutorModuleOptions = {
  readonly threads: number
  readonly relaxed: 'auto' | 'on' | 'off'
  /** The most bytes that it may take. */
  readonly memory: number
  readonly [option: string]: unknown
}
export type ExecutorModule = {
  readonly createExecutor: (options: ExecutorModuleOptions) => Promise<Executor>
}

/** The executor of a run: the one that is named, the processor's fastest, or what a module of one's own makes. */
export const openExecutor = async (spec: ExecutorSpec | undefined, memory: number): Promise<Executor> => {
  const { threads = 1, relaxed = 'auto', on, module, options } = spec ?? {}
  if (on !== undefined && module === undefined) return openById(on, { threads, relaxed, memory })
  if (module === undefined) return createFastestExecutor({ threads, relaxed, memory })
  const made = (await import(pathToFileURL(module).href).catch((error) => {
    const remedy = 'Correct the module, or leave the option out.'
    throw runFault('run-invalid', 'executor.module', `${module}, ${error}`, 'a module that loads', remedy)
  })) as Partial<ExecutorModule>
  if (typeof made.createExecutor !== 'function')
    throw runFault(
      'run-invalid',
      'executor.module',
      module,
      'a module that exports createExecutor',
      'Export it, or leave the option out.',
    )
  return made.createExecutor({ ...options, threads, relaxed, memory })
}
