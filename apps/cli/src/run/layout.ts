import { join } from 'node:path'

/** Where everything in a run directory is. README.md, "A run directory", says what each file holds. */
export type Layout = {
  readonly directory: string
  readonly manifest: string
  readonly program: string
  readonly inputs: string
  readonly heldOut: string
  readonly tokenizer: string
  readonly checkpoints: string
  readonly metrics: string
  readonly claim: string
  readonly model: string
  readonly lock: string
  readonly posted: string
  /** The state and outputs after this many steps; 0 is the initial state. */
  readonly checkpoint: (step: number) => string
}

export const layoutOf = (directory: string): Layout => {
  const checkpoints = join(directory, 'checkpoints')
  return {
    directory,
    manifest: join(directory, 'manifest.json'),
    program: join(directory, 'program.lockstep'),
    inputs: join(directory, 'inputs.safetensors'),
    heldOut: join(directory, 'held-out.safetensors'),
    tokenizer: join(directory, 'tokenizer.json'),
    checkpoints,
    metrics: join(directory, 'metrics.jsonl'),
    claim: join(directory, 'claim.json'),
    model: join(directory, 'model.safetensors'),
    lock: join(directory, 'lock'),
    posted: join(directory, 'posted.json'),
    checkpoint: (step) => join(checkpoints, `step-${String(step).padStart(8, '0')}.safetensors`),
  }
}
