import {
  type Program,
  referenceExecutor,
  runStep,
  type Tensor,
  unwrap,
  validateProgram,
} from '@lockstep/tensor'
import { f32Values } from '../src/index.ts'

/** Runs a program's steps on the reference; gives the last state and outputs. */
export const runReference = async (
  program: Program,
  state: readonly Tensor[],
  inputs: readonly Tensor[],
  steps = 1,
): Promise<{ state: Tensor[]; outputs: Tensor[] }> => {
  const runner = await referenceExecutor.compile(unwrap(validateProgram(program)), inputs)
  runner.load(state)
  await runner.step(steps)
  return { state: runner.state(), outputs: runner.outputs() }
}

/** The first value of an f32 output of one step. */
export const firstValue = (
  program: Program,
  state: readonly Tensor[],
  inputs: readonly Tensor[],
  output = 0,
): number => f32Values(runStep(program, state, inputs).outputs[output]!)[0]!
