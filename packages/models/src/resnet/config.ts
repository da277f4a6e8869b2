import { checkInteger, checkKeys } from '../check.ts'
import { ModelError } from '../model-error.ts'

/** A classifier of pictures: residual blocks of two convolutions (He et al., 2016) with group normalisation. */
export type ResnetConfig = {
  readonly height: number // rows of a picture
  readonly width: number // columns of a picture
  readonly channels: number // numbers of a place; a picture's features are (height, width, channels), row by row
  readonly stages: readonly ResnetStage[] // each but the first halves height and width, rounded up
  readonly groups: number // of each normalisation; divides every stage's width
  readonly classes: number
}
export type ResnetStage = {
  readonly width: number // channels of its blocks
  readonly blocks: number
}

/** 19,706 parameters for pictures of 8x8 grey places; give 28 and 28 for Fashion-MNIST. */
export const DEFAULT_RESNET: ResnetConfig = {
  height: 8,
  width: 8,
  channels: 1,
  stages: [
    { width: 16, blocks: 1 },
    { width: 32, blocks: 1 },
  ],
  groups: 4,
  classes: 10,
}

const RESIZE = 'Choose a model within the limits.'

export const checkResnetConfig = (config: ResnetConfig): void => {
  checkKeys('resnet', config, Object.keys(DEFAULT_RESNET))
  checkInteger('resnet.height', config.height, 1, 1024, RESIZE)
  checkInteger('resnet.width', config.width, 1, 1024, RESIZE)
  checkInteger('resnet.channels', config.channels, 1, 1024, RESIZE)
  checkInteger('resnet.classes', config.classes, 2, 65536, RESIZE)
  checkInteger('resnet.groups', config.groups, 1, 4096, RESIZE)
  const { stages } = config
  if (!Array.isArray(stages) || stages.length < 1 || stages.length > 8)
    throw new ModelError('config-invalid', 'resnet.stages', stages, 'a list of 1 to 8 stages', RESIZE)
  for (const [i, stage] of stages.entries()) {
    const at = `resnet.stages[${i}]`
    if (typeof stage !== 'object' || stage === null)
      throw new ModelError('config-invalid', at, stage, 'a width and a number of blocks', RESIZE)
    checkKeys(at, stage, ['width', 'blocks'])
    checkInteger(`${at}.width`, stage.width, 1, 4096, RESIZE)
    checkInteger(`${at}.blocks`, stage.blocks, 1, 64, RESIZE)
    if (stage.width % config.groups !== 0) {
      const limit = `a multiple of groups, ${config.groups}`
      throw new ModelError('config-invalid', `${at}.width`, stage.width, limit, 'Change width or groups.')
    }
  }
}
