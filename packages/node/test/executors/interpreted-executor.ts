import type { Executor } from '@lockstep/tensor'
import { executorOver } from '../../../gpu/src/cuda/device-executor.ts'
import { interpretedDevice } from '../../../gpu/test/ptx/interpreted-device.ts'

/** The CUDA executor on an interpreter of PTX, as an owner's own executor: the kernels as they are, without a card. */
export const createExecutor = async (): Promise<Executor> => executorOver(interpretedDevice(1 << 22))
