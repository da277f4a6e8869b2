import { type ExecutorInfo, executorProbe, type Probe, type Proven } from '@lockstep/node'
import { bytes, count, type Terminal } from '../terminal.ts'

/** One executor of this machine with the result of its conformance run, and its measured speed where it conforms. */
export type DeviceReport = Omit<ExecutorInfo, 'id'> & { readonly executor: string } & Proven

export type DevicesOptions = { readonly threads: number; readonly cases?: number }

/**
 * Lists what can compute here. Each proves itself in a process of its own, as it does for a node; gives whether all of
 * them conform.
 */
export const devicesCommand = async (
  { threads, cases }: DevicesOptions,
  terminal: Terminal,
  probe: Probe = executorProbe,
): Promise<boolean> => {
  const { found, missing } = await probe.list()
  const devices: DeviceReport[] = []
  for (const { id, ...info } of found) {
    terminal.note(`asking ${id}, ${info.name}`)
    const proven = await probe.prove(id, threads, { ...(cases !== undefined && { cases }) })
    devices.push({ executor: id, ...info, ...proven })
    terminal.say(
      `${id.padEnd(9)} ${info.name} (${info.driver}), ${bytes(info.memory)}${info.software ? ', in software' : ''}`,
    )
    terminal.say(`          ${resultOf(proven)}`)
    if (proven.multiplyAdds !== undefined && proven.bytesPerSecond !== undefined)
      terminal.say(
        `          ${count(proven.multiplyAdds)} multiply-adds a second, ${count(proven.bytesPerSecond)} bytes a second elementwise`,
      )
  }
  for (const { kind, why } of missing) terminal.say(`${kind.padEnd(9)} not here: ${why}`)
  terminal.result({ devices, missing })
  return devices.every(({ conforms }) => conforms)
}

const resultOf = ({ conforms, cases, digest, why }: Proven): string =>
  conforms
    ? `conforms: ${cases} cases, digest ${digest.slice(0, 16)}`
    : `DOES NOT CONFORM, and is never used: ${why}`
