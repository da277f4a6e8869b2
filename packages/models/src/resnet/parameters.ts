import { filled, type Parameter, weight } from '../parameter.ts'
import { blocksOf } from './blocks.ts'
import type { ResnetConfig } from './config.ts'

/**
 * The tensors a ResNet learns, in the order of its state. Convolutions are (rows, columns, in, out) with variance
 * 2 / (rows * columns * in), for ReLU (He et al., 2015).
 */
export const resnetParameters = (config: ResnetConfig): readonly Parameter[] => {
  const { channels, stages, classes } = config
  const convolution = (name: string, size: number, from: number, to: number): Parameter =>
    weight(`${name}.weight`, [size, size, from, to], Math.sqrt(2 / (size * size * from)))
  const norm = (name: string, width: number): Parameter[] => [
    filled(`${name}.norm.gain`, [width], 1),
    filled(`${name}.norm.bias`, [width], 0),
  ]
  const first = stages[0]!.width
  const last = stages.at(-1)!.width
  return [
    convolution('stem', 3, channels, first),
    ...norm('stem', first),
    ...blocksOf(config).flatMap(({ name, from, width, turns }) => [
      convolution(`${name}.first`, 3, from, width),
      ...norm(`${name}.first`, width),
      convolution(`${name}.second`, 3, width, width),
      ...norm(`${name}.second`, width),
      ...(turns ? [convolution(`${name}.around`, 1, from, width), ...norm(`${name}.around`, width)] : []),
    ]),
    { ...{ ...weight('head.weight', [last, classes], Math.sqrt(1 / last)), kind: 'head' }, kind: 'head' },
    filled('head.bias', [classes], 0),
  ]
}
