import { buildNative, findNative, type NativeModule } from '../src/index.ts'

/** The addon, compiled where there is a compiler; else why tests that need it are skipped. */
const built = buildNative()
const found = findNative()
export const native: NativeModule | undefined = 'native' in found ? found.native : undefined
export const skip: string | false = native
  ? false
  : 'why' in built
    ? built.why
    : 'why' in found
      ? found.why
      : false
