/** The second word of a Philox key: one for each use of random numbers, so that none repeats another's. */
export const SALT = {
  data: 1, // which windows or rows a step trains on
  sample: 2, // the noise of generation
  dropout: 0x1000, // plus the site's place in the model
  rounding: 0x8000, // plus the tensor's place in the state
  init: 0x10000, // plus the parameter's place in the model
} as const
