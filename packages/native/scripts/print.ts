import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { address, sources } from '../src/address.ts'

/** What binding.gyp asks: the address of the sources, their files, or the folder of Node-API's headers. */
const answers: Record<string, () => string> = {
  address,
  sources: () => sources().join('\n'),
  headers: () => join(dirname(createRequire(import.meta.url).resolve('node-api-headers')), 'include'),
}
console.log(answers[process.argv[2] ?? '']?.() ?? '')
