import { openCudaDevice } from './cuda-device.ts'
import { type CudaExecutor, type CudaOptions, executorOver } from './device-executor.ts'
import { proveDevice } from './prove.ts'

/**
 * The executor on an NVIDIA card, with nothing to install but the driver. `device` is the card's number in
 * `cudaDevices()`, 0 by default; several cards are several executors. It fails with one line where there is no driver
 * or no such card, and where the card does not compute as the machine says, with the case that differs.
 */
export const createCudaExecutor = async (
  options: CudaOptions & { readonly device?: number } = {},
): Promise<CudaExecutor> => {
  const device = openCudaDevice(options.device ?? 0)
  const executor = executorOver(device, { memory: device.freeMemory(), ...options })
  try {
    await proveDevice(executor)
  } catch (error) {
    await executor.close()
    throw error
  }
  return executor
}
