/** Checkpoints are rooted in a thread of their own, beside the steps: `openRooting(program)`. */
export { type Beside, createBeside } from './beside.ts'
export { openRooting, spawnRootingThread } from './open-rooting.ts'
