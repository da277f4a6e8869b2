import type { Choice } from '../choice.ts'

/** What the page tells the worker that trains. */
export type ToTrainer =
  | { readonly kind: 'open'; readonly choice: Choice; readonly threads: number; readonly text: Uint8Array }
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
      readonly threads: number
      /** Whether the engine has a multiply-add that rounds once; it is emulated otherwise. */
      readonly fused: boolean
      /** Why there is one thread where more were asked for. */
      readonly one: string | undefined
    }
  | { readonly kind: 'stepped'; readonly step: number; readonly loss: number }
  | { readonly kind: 'rooted'; readonly step: number; readonly root: string }
  | { readonly kind: 'stopped'; readonly done: boolean }
  | { readonly kind: 'wrote'; readonly text: string; readonly at: number }
  | { readonly kind: 'failed'; readonly message: string }
