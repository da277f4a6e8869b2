export { type Built, buildNative } from './build.ts'
export { createFastestExecutor } from './fastest.ts'
export { nativeHash, useNativeHash } from './hash.ts'
export {
  type Found,
  findNative,
  forgetNative,
  type HashKernel,
  loadNative,
  type NativeModule,
  nativeUrl,
  type ProductKernel,
} from './load.ts'
