import { conv2d, type Grid, map, mean, relu, reshape } from '@lockstep/tensor'
import type { ClassifierNetwork } from '../classify/network.ts'
import { denseLayer } from '../layer/dense.ts'
import type { Weights } from '../layer/weights.ts'
import { blocksOf } from './blocks.ts'
import { checkResnetConfig, type ResnetConfig } from './config.ts'
import { groupNorm } from './group-norm.ts'
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
    logits: (weights, rows) => resnetLogits(config, weights, rows),
  }
}

const resnetLogits = (config: ResnetConfig, weights: Weights, rows: Grid<'f'>): Grid<'f'> => {
  const { height, width, channels, groups } = config
  const convolve = (x: Grid<'f'>, name: string, size: number, stride: number): Grid<'f'> => {
    const y = conv2d(x, weights.of(`${name}.weight`), { stride, padding: (size - 1) / 2 })
    return groupNorm(y, groups, weights.of(`${name}.norm.gain`), weights.of(`${name}.norm.bias`))
  }
  let x = relu(convolve(reshape(rows, [-1, height, width, channels]), 'stem', 3, 1))
  for (const { name, stride, turns } of blocksOf(config)) {
    const inner = relu(convolve(x, `${name}.first`, 3, stride))
    const outer = convolve(inner, `${name}.second`, 3, 1)
    const around = turns ? convolve(x, `${name}.around`, 1, stride) : x
    x = map([outer, around], (a, b) => a.add(b).max(0), { label: 'residual' })
  }
  return denseLayer(weights, mean(x, { axes: [1, 2] }), 'head')
}
