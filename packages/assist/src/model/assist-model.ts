import { type AdvisedPrograms, advisedPrograms, type LanguageModel } from '@lockstep/models'

/** A network beside a memory, and how it is trained. */
export type AssistModel = {
  readonly network: LanguageModel
  /** Numbers that the memory says of how sure it is. */
  readonly features: number
  /** The highest learning rate of a person's own updates. */
  readonly rate: number
}

/** The network of the text base: 0.32 million parameters over bytes and marks, 160 of them at once. */
export const TEXT_MODEL: AssistModel = {
  network: {
    kind: 'gpt',
    config: { vocab: 272, context: 160, width: 128, layers: 2, heads: 4, dropout: 0, inner: 256 },
  },
  features: 4,
  rate: 1e-4,
}

export const programsOf = ({ network, features }: AssistModel): AdvisedPrograms =>
  advisedPrograms(network, { features })
