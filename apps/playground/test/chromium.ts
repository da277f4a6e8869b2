import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { type Browser, chromium } from 'playwright-core'

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome']

/** The browser of this machine: the one that LOCKSTEP_CHROMIUM names, or the first on the PATH; undefined where none is. */
export const findChromium = (): string | undefined => {
  const named = process.env.LOCKSTEP_CHROMIUM
  if (named) return named
  const folders = (process.env.PATH ?? '').split(delimiter)
  return folders.flatMap((folder) => NAMES.map((name) => join(folder, name))).find((path) => existsSync(path))
}

export const NO_CHROMIUM = 'no Chromium on this machine: install it, or name it with LOCKSTEP_CHROMIUM'

/**
 * Without a window, and without anything that it would fetch of its own accord. With `webgpu` it offers a software adapter,
 * which computes as slowly as it is reproducible.
 */
export const openChromium = (
  executablePath: string,
  graphics: 'none' | 'webgpu' = 'none',
): Promise<Browser> =>
  chromium.launch({
    executablePath,
    headless: true,
    // As root it has no sandbox; containers have too little of /dev/shm for it.
    args: [
      '--no-sandbox',
      '--disable-dev-shm-usage',
      '--disable-background-networking',
      ...GRAPHICS[graphics],
    ],
    timeout: 120_000,
  })

const GRAPHICS = {
  none: ['--disable-gpu'],
  webgpu: ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader', '--enable-features=Vulkan'],
} as const
