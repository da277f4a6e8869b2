import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'

/** Room in a namespace of its own for a disk that is soon full; where that is not allowed, there is nothing to fill. */
const onSmallDisk = (command: string): ReturnType<typeof spawnSync> =>
  spawnSync('unshare', ['-Urm', 'sh', '-c', `mount -t tmpfs -o size=4m none /mnt && ${command}`], {
    encoding: 'utf8',
  })
const possible = onSmallDisk('true').status === 0

test('a full disk is a fault, and what was stored is kept', {
  skip: !possible && 'no namespaces here',
}, () => {
  const script = join(import.meta.dirname, 'full-disk.ts')
  const { status, stderr } = onSmallDisk(
    `"${process.execPath}" --disable-warning=ExperimentalWarning "${script}" /mnt`,
  )
  assert.equal(status, 0, String(stderr))
})
