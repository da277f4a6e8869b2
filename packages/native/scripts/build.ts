import { buildNative } from '../src/build.ts'
import { findNative } from '../src/load.ts'

/** npm run native: compiles the addon for this machine and says what it brings. */
const built = buildNative()
if ('why' in built) {
  console.error(`${built.why}. Everything works without it, in WebAssembly.`)
  process.exitCode = 1
} else {
  const found = findNative()
  if ('why' in found) {
    console.error(found.why)
    process.exitCode = 1
  } else {
    const { products, hashes } = found.native
    const list = (kernels: readonly { readonly set: string }[]): string =>
      kernels.map((k) => k.set).join(', ') || 'none'
    console.log(`${built.fresh ? 'compiled' : 'up to date'}: ${built.file}`)
    console.log(`products: ${list(products)}; hashes: ${list(hashes)}`)
  }
}
