/** The part of the WebAssembly API that is used here; the language's own libraries declare it for browsers only. */
export type WasmModule = { readonly __module: unique symbol }
export type WasmMemory = { readonly buffer: ArrayBuffer | SharedArrayBuffer }
export type Imports = { readonly e: { readonly m: WasmMemory; readonly [name: string]: unknown } }
export type Limits = { readonly initial: number; readonly maximum: number; readonly shared: boolean }
/** Functions by number: (first unit, end unit, argument table, scratch). */
export type Kernels = Record<string, (begin: number, end: number, table: number, scratch: number) => number>

type Engine = {
  readonly Memory: new (limits: Limits) => WasmMemory
  readonly Module: new (bytes: Uint8Array<ArrayBuffer>) => WasmModule
  readonly Instance: new (module: WasmModule, imports: Imports) => { readonly exports: Kernels }
  validate(bytes: Uint8Array<ArrayBuffer>): boolean
  compile(bytes: Uint8Array<ArrayBuffer>): Promise<WasmModule>
}

export const engine: Engine = (globalThis as unknown as { WebAssembly: Engine }).WebAssembly
