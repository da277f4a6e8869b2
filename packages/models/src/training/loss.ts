import { crossEntropy, type Grid, logSumExp, map, mean, square } from '@lockstep/tensor'
import type { TrainConfig } from './config.ts'

/** The mean of a classification's losses: logits (N, V) and targets (N) give (). */
export type CrossEntropy = (logits: Grid<'f'>, targets: Grid<'u'>) => Grid<'f'>

/**
 * Cross-entropy, with label smoothing (Szegedy et al., 2016) and z-loss (Chowdhery et al., 2022) where they are not 0:
 * z-loss adds zLoss * mean(ln(sum of exp(logits))^2), which keeps logits from drifting.
 */
export const lossWith =
  ({ smoothing = 0, zLoss = 0 }: TrainConfig): CrossEntropy =>
  (logits, targets) => {
    const loss = smoothing > 0 ? crossEntropy(logits, targets, { smoothing }) : crossEntropy(logits, targets)
    if (zLoss === 0) return loss
    return map([loss, mean(square(logSumExp(logits)))], (a, z) => a.add(z.mul(zLoss)), { label: 'z-loss' })
  }
