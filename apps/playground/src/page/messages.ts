import type { Choice } from '../choice.ts'

/** What a visitor may ask for: `auto` is a GPU that proves itself and is no software, else WebAssembly with threads. */
export type Engine = 'auto' | 'gpu' | 'wasm'
export const isEngine = (name: string): name is Engine => ['auto', 'gpu', 'wasm'].includes(name)

/** What the page tells the worker that trains. */
export type ToTrainer =
  | {
      readonly kind: 'open'
      readonly choice: Choice
      readonly engine: Engine
      readonly threads: number
      readonly text: Uint8Array
    }
  | { readonly kind: 'run' }
  | { readonly kind: 'pause' }
  | { readonly kind: 'write'; readonly prompt: string }
  | { readonly kind: 'close' }

/** What the worker tells the page. */
export type FromTrainer =
  | {
      readonly kind: 'opened'
      readonly program: string
      readonly steps: number
      /** What computes, in rows of a name and words. */
      readonly rows: readonly (readonly [string, string])[]
    }
  | { readonly kind: 'stepped'; readonly step: number; readonly loss: number }
  | { readonly kind: 'rooted'; readonly step: number; readonly root: string }
  | { readonly kind: 'stopped'; readonly done: boolean }
  | { readonly kind: 'wrote'; readonly text: string; readonly at: number }
  | { readonly kind: 'failed'; readonly message: string }
