/** The machine's hard limits. A program beyond one is rejected before anything runs, naming field, value and limit. */
export const LIMITS = {
  rank: 8, // of an output or a view
  boxRank: 6,
  elements: 2 ** 31 - 1, // of a tensor, and of a fold's box
  reads: 8, // of one node
  guards: 4, // of one fold
  values: 256, // of one scalar program: arguments and instructions
  affine: 2 ** 40, // |base| + sum of |by| * (extent - 1)
  nodes: 16384,
  tensors: 4096, // state tensors, and inputs, and outputs, each
  nameBytes: 128,
  nodeBytes: 8192, // of one node's canonical encoding
} as const
