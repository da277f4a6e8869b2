import { z } from 'zod'

/** Where steps can be computed: on the processor in two ways, or on a device by its number. */
export type ExecutorId = 'wasm' | 'native' | `cuda:${number}` | `webgpu:${number}`
/** What an owner may ask for: one of these, or whatever is fastest for each program. */
export type ExecutorChoice = 'auto' | ExecutorId

const ID = /^(wasm|native|(cuda|webgpu):(0|[1-9]\d?))$/
export const EXECUTOR_CHOICES = 'auto, wasm, native, cuda:N or webgpu:N with a number from 0'

export const isExecutorId = (text: unknown): text is ExecutorId => typeof text === 'string' && ID.test(text)
export const isExecutorChoice = (text: unknown): text is ExecutorChoice =>
  text === 'auto' || isExecutorId(text)

export const executorId: z.ZodType<ExecutorId, ExecutorId> = z.custom<ExecutorId>(
  isExecutorId,
  'wasm, native, cuda:N or webgpu:N',
)
export const executorChoice: z.ZodType<ExecutorChoice, ExecutorChoice> = z.custom<ExecutorChoice>(
  isExecutorChoice,
  EXECUTOR_CHOICES,
)

export type ExecutorKind = 'wasm' | 'native' | 'cuda' | 'webgpu'
export const kindOf = (id: ExecutorId): ExecutorKind => id.split(':')[0] as ExecutorKind
/** The number of a device among those of its kind. */
export const numberOf = (id: ExecutorId): number => Number(id.split(':')[1] ?? 0)
/** Whether it has a driver of its own, memory of its own, and can be lost. */
export const isDevice = (id: ExecutorId): boolean => id.includes(':')
