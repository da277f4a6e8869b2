import { conv2d, type Grid, groupNorm, map, mean, relu, reshape } from '@lockstep/tensor'
import type { ClassifierNetwork } from '../classify/network.ts'
import { asItIs, type Block } from '../layer/block.ts'
import { denseLayer } from '../layer/dense.ts'
import type { Weights } from '../layer/weights.ts'
import { blocksOf } from './blocks.ts'
import { checkResnetConfig, type ResnetConfig } from './config.ts'
import { resnetParameters } from './parameters.ts'

/** Residual blocks over pictures, channels last; the mean over all places goes into one dense layer. */
export const resnetNetwork = (config: ResnetConfig): ClassifierNetwork => {
  checkResnetConfig(config)
  const { height, width, channels, classes } = config
  return {
    family: 'classifier',
    features: height * width * channels,
    classes,
    parameters: resnetParameters(config),
    logits: (weights, rows, block) => resnetLogits(config, weights, rows, block),
  }
}

const resnetLogits = (
  config: ResnetConfig,
  weights: Weights,
  rows: Grid<'f'>,
  block: Block = asItIs,
): Grid<'f'> => {
  const { height, width, channels, groups } = config
  const convolve = (x: Grid<'f'>, name: string, size: number, stride: number): Grid<'f'> => {
    const y = conv2d(x, weights.of(`${name}.weight`), { stride, padding: (size - 1) / 2 })
    return groupNorm(y, {
      groups,
      gain: weights.of(`${name}.norm.gain`),
      bias: weights.of(`${name}.norm.bias`),
    })
  }
  let x = relu(convolve(reshape(rows, [-1, height, width, channels]), 'stem', 3, 1))
  for (const { name, stride, turns } of blocksOf(config)) {
    x = block((given) => {
      const inner = relu(convolve(given, `${name}.first`, 3, stride))
      const outer = convolve(inner, `${name}.second`, 3, 1)
      const around = turns ? convolve(given, `${name}.around`, 1, stride) : given
      return map([outer, around], (a, b) => a.add(b).max(0), { label: 'residual' })
    })(x)
  }
  return denseLayer(weights, mean(x, { axes: [1, 2] }), 'head')
}
