import type { ResnetConfig } from './config.ts'

/** One residual block: two convolutions of 3x3, the first with this stride. */
export type Block = {
  readonly name: string
  readonly from: number // channels in
  readonly width: number // channels out
  readonly stride: number
  readonly turns: boolean // whether the way around it needs a convolution of 1x1
}

/** The blocks of a ResNet in order. */
export const blocksOf = ({ stages }: ResnetConfig): readonly Block[] =>
  stages.flatMap(({ width, blocks }, s) =>
    Array.from({ length: blocks }, (_, b): Block => {
      const from = b === 0 && s > 0 ? stages[s - 1]!.width : width
      const stride = b === 0 && s > 0 ? 2 : 1
      return { name: `stage.${s}.block.${b}`, from, width, stride, turns: stride > 1 || from !== width }
    }),
  )
