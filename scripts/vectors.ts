import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { programVectors, programVectorsFile } from '../packages/models/test/program-vectors.ts'
import { familyVectors } from '../packages/swarm/src/tasks/vectors.ts'
import { roundVectorsFile } from '../packages/swarm/test/round-vectors.ts'
import { referenceExecutor } from '../packages/tensor/src/reference.ts'
import { scalarVectors, VECTOR_OPCODES } from '../packages/tensor/src/scalar/vectors.ts'

/** Writes the golden vectors again: `node scripts/vectors.ts`. Nothing changes unless the machine's meaning did. */
const folder = new URL('../vectors/', import.meta.url)
const scalar = new URL('scalar/', folder)
rmSync(scalar, { recursive: true, force: true })
mkdirSync(scalar, { recursive: true })
for (const op of VECTOR_OPCODES) writeFileSync(new URL(`${op}.bin`, scalar), scalarVectors(op))
writeFileSync(new URL('families.json', folder), familyVectors())
writeFileSync(new URL('swarm-rounds.json', folder), roundVectorsFile())
writeFileSync(new URL('programs.json', folder), programVectorsFile(await programVectors(referenceExecutor)))
console.log(
  `${VECTOR_OPCODES.length} files in vectors/scalar, and families, swarm-rounds and programs.json in vectors`,
)
