import { encodeTensors } from '@lockstep/models'
import type { Arrived } from './take-part.ts'
import type { PreparedTraining } from './training.ts'

/** An arrived base as `assistant.adopt` takes it: it is tried on the person's own held-out use, and used if it is better. */
export const adoptionOf = (
  training: PreparedTraining,
  { name, parameters }: Pick<Arrived, 'name' | 'parameters'>,
): { readonly state: Uint8Array; readonly lineage: string } => ({
  state: encodeTensors(training.parameters, parameters),
  lineage: name.lineage ?? name.root,
})
