import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

/**
 * Whether the machine runs on its battery, from Linux's /sys/class/power_supply. Undefined where there is no battery, or
 * where the system tells nothing there (other systems, containers): the caller takes that for mains.
 */
export const onBattery = async (root = '/'): Promise<boolean | undefined> => {
  const directory = join(root, 'sys/class/power_supply')
  const names = await readdir(directory).catch(() => [])
  let battery = false
  let discharging = false
  for (const name of names) {
    const read = async (file: string): Promise<string> =>
      (await readFile(join(directory, name, file), 'utf8').catch(() => '')).trim()
    const type = await read('type')
    // An attached supply that is online settles it, whatever a battery says about itself.
    if ((type === 'Mains' || type === 'USB') && (await read('online')) === '1') return false
    // Batteries of mice and keyboards say `Device`.
    if (type !== 'Battery' || (await read('scope')) === 'Device') continue
    battery = true
    discharging ||= (await read('status')) === 'Discharging'
  }
  return battery ? discharging : undefined
}
