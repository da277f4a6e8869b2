import { filled, type Parameter, weight } from '../parameter.ts'
import type { MlpConfig } from './config.ts'

/** The tensors an MLP learns: for each layer a matrix (in, out) with variance 2 / in, for ReLU (He et al., 2015), and a bias. */
export const mlpParameters = ({ features, hidden, classes }: MlpConfig): readonly Parameter[] => {
  const widths = [features, ...hidden, classes]
  return widths.slice(1).flatMap((out, l) => [
    {
      ...weight(`layer.${l}.weight`, [widths[l]!, out], Math.sqrt(2 / widths[l]!)),
      ...(l === hidden.length ? { kind: 'head' as const } : {}),
    },
    filled(`layer.${l}.bias`, [out], 0),
  ])
}
