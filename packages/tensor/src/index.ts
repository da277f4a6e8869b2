export { type Arena, type ArenaOptions, planArena } from './compile/arena.ts'
export { asWritten, type FuseOptions, type Plan, planProgram } from './compile/plan.ts'
export { isProduct, isProductStep } from './compile/product.ts'
export { withRefs } from './compile/prune.ts'
export { addressOf, initOf, refsOf, typeOf, wordsOf } from './compile/refs.ts'
export { firstDifference, scalarExecutorOver } from './conformance/executor-conformance.ts'
export * from './conformance/random-contraction.ts'
export { randomNetwork } from './conformance/random-network.ts'
export * from './conformance/random-program.ts'
export * from './dtype.ts'
export * from './element.ts'
export * from './encoding/bytes.ts'
export * from './encoding/node.ts'
export * from './encoding/program.ts'
export { decodeScalar, encodeScalar } from './encoding/scalar.ts'
export * from './estimate.ts'
export * from './executor.ts'
export * from './fault.ts'
export { storingActivations } from './front/activations.ts'
// Building programs: tracing, views, operations, gradients
export { rangeOf } from './front/affine.ts'
export { broadcastTo } from './front/broadcast.ts'
export { type Condition, equals, type FoldSpec, fold, lessThan } from './front/fold.ts'
export { grad, gradients } from './front/grad/gradients.ts'
export { recompute } from './front/grad/recompute.ts'
export { withGradient } from './front/grad/with-gradient.ts'
export { type Coordinate, type Element, Grid, materialise, stopGradient, view } from './front/grid.ts'
export { Index } from './front/index-form.ts'
export { type MapOptions, map, type RegisterOf } from './front/map.ts'
export { geglu, gelu, geluByTanh, relu, silu, swiglu } from './front/ops/activation.ts'
export * from './front/ops/arithmetic.ts'
export {
  type Attended,
  type AttentionOptions,
  alibiSlopes,
  attention,
  type KeyValueCache,
} from './front/ops/attention.ts'
export { concat, stack } from './front/ops/concat.ts'
export { contract, linear, matmul } from './front/ops/contract.ts'
export {
  type ConvolveOptions,
  type ConvolveTransposedOptions,
  conv1d,
  conv2d,
  convTransposed1d,
  convTransposed2d,
} from './front/ops/convolve.ts'
export {
  cumulativeMax,
  cumulativeMin,
  cumulativeProduct,
  cumulativeSum,
  cumulativeSumWords,
} from './front/ops/cumulative.ts'
export { gatherLast, gatherRows, oneHot, take } from './front/ops/gather.ts'
export {
  type BatchNormOptions,
  batchNorm,
  batchNormFixed,
  groupNorm,
  type RunningStatistics,
} from './front/ops/group-norm.ts'
export {
  binaryCrossEntropy,
  huber,
  klDivergence,
  klDivergences,
  meanAbsoluteError,
  meanSquaredError,
} from './front/ops/loss.ts'
export { layerNorm, type NormOptions, rmsNorm } from './front/ops/norm.ts'
export {
  adaptiveMeanPool2d,
  globalMeanPool,
  type MaxPoolOptions,
  type MeanPoolOptions,
  maxPool1d,
  maxPool2d,
  meanPool1d,
  meanPool2d,
  type PoolOptions,
} from './front/ops/pool.ts'
export { dequantise, matmulQuantised, type Quantised, quantise } from './front/ops/quantise.ts'
export {
  dropout,
  type Randomness,
  randomNormal,
  randomUniform,
  randomWords,
} from './front/ops/random.ts'
export {
  argmax,
  argmin,
  MAX,
  max,
  mean,
  min,
  type ReduceOptions,
  reduceBy,
  SUM,
  sum,
  sumWords,
} from './front/ops/reduce.ts'
export {
  type RotaryLayout,
  type Rotation,
  rotary,
  rotaryFrequencies,
  rotation,
} from './front/ops/rotary.ts'
export {
  greatestPlaces,
  gumbelNoise,
  keepGreatest,
  keepLikeliest,
  type SamplingOptions,
  sample,
} from './front/ops/sample.ts'
export {
  type CrossEntropyOptions,
  crossEntropies,
  crossEntropy,
  logSoftmax,
  logSumExp,
  type SoftmaxOptions,
  softmax,
} from './front/ops/softmax.ts'
export { merge, reshape } from './front/reshape.ts'
export { TraceError } from './front/trace-error.ts'
export { type Grids, traceProgram } from './front/trace-program.ts'
export {
  expand,
  flip,
  pad,
  pick,
  type SliceOptions,
  slice,
  split,
  transpose,
  windows,
} from './front/views.ts'
export * from './hash/accelerate.ts'
export * from './hash/batch-hash.ts'
export { lanesHash } from './hash/lanes-hash.ts'
export { plainHash } from './hash/plain-hash.ts'
export { sha256 } from './hash/sha256.ts'
export { ROUND as SHA256_ROUND, START as SHA256_START } from './hash/sha256-constants.ts'
export * from './limits.ts'
export * from './node.ts'
export * from './program.ts'
export * from './reference.ts'
export * from './scalar/cases.ts'
export * from './scalar/conformance.ts'
export * from './scalar/convert.ts'
export type { Term } from './scalar/derivative.ts'
// Functions of scalar values, for use inside map and fold; rsqrt is the operation on grids.
export { cos, erf, exp, expm1, log, log1p, pow, sigmoid, sin, tanh } from './scalar/elementary.ts'
export * from './scalar/formula.ts'
export * from './scalar/instruction.ts'
export { canonicalF32, f32Bits, f32Value } from './scalar/pattern.ts'
export * from './scalar/philox.ts'
export * from './scalar/reference.ts'
export * from './scalar/scalar-program.ts'
export * from './scalar/trace.ts'
export * from './scalar/vectors.ts'
export * from './shape.ts'
export * from './validate.ts'
export type { Accelerator, Multiply, MultiplyRows } from './wasm/accelerator.ts'
export { CEILING_BYTES, type CeilingTask, ceilingLoops, ceilingWork } from './wasm/ceiling.ts'
export {
  createWasmExecutor,
  type KernelTime,
  type WasmExecutor,
  type WasmOptions,
  type WasmProgramRunner,
} from './wasm/executor.ts'
export { whyOneThread } from './wasm/sharing.ts'
