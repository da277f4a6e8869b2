/** Checkpoints are rooted in a thread of their own, beside the steps: `openRooting(program)`. */
export { openRooting, spawnRootingThread } from './open-rooting.ts'
