import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { roundVectorsFile } from '../packages/swarm/test/round-vectors.ts'
import { scalarVectors, VECTOR_OPCODES } from '../packages/tensor/src/scalar/vectors.ts'

/** Writes the golden vectors again: `node scripts/vectors.ts`. Nothing changes unless the machine's meaning did. */
const folder = new URL('../vectors/scalar/', import.meta.url)
rmSync(folder, { recursive: true, force: true })
mkdirSync(folder, { recursive: true })
for (const op of VECTOR_OPCODES) writeFileSync(new URL(`${op}.bin`, folder), scalarVectors(op))
console.log(`${VECTOR_OPCODES.length} files in vectors/scalar`)
writeFileSync(new URL('../vectors/swarm-rounds.json', import.meta.url), roundVectorsFile())
console.log('vectors/swarm-rounds.json')
