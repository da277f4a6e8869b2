import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { cp, readdir, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { encodeSafetensors } from '@lockstep/models'
import { inProcess, jsonOf, lockstep, main, start, tiny, workplace } from './lockstep.ts'

let home: string
before(async () => {
  home = await workplace()
  const { code, stderr } = await lockstep(home, 'train', 'tiny.yaml', '--json')
  assert.equal(code, 0, stderr)
  process.chdir(home)
})
after(async () => {
  process.chdir('/')
  await rm(home, { recursive: true, force: true })
})

const run = (name = 'tiny') => join(home, 'runs', name)
const checkpoint = (name: string, step: number) =>
  join(run(name), 'checkpoints', `step-0000000${step}.safetensors`)
const rootIn = async (name: string): Promise<string> =>
  JSON.parse(await readFile(join(run(name), 'claim.json'), 'utf8')).root
/** A copy of the finished run as it looked after its first checkpoint. */
const unfinished = async (name: string): Promise<void> => {
  await cp(run(), run(name), { recursive: true })
  for (const file of ['claim.json', 'model.safetensors']) await rm(join(run(name), file))
  for (const step of ['08', '12']) await rm(join(run(name), 'checkpoints', `step-000000${step}.safetensors`))
}

test('a run is verified by another process, whole or sampled, and gives text', async () => {
  const whole = await lockstep(home, 'verify', 'runs/tiny', '--json', '--threads', '2')
  assert.equal(whole.code, 0, whole.stderr)
  assert.deepEqual([jsonOf(whole).segments, jsonOf(whole).equal], [3, true])
  assert.equal(jsonOf(whole).root, await rootIn('tiny'))
  const sampled = await inProcess('verify', 'runs/tiny', '--sample', '1')
  assert.match(sampled.stdout, /^Equal: 1 of 3 segments/)
  assert.doesNotMatch(sampled.stdout, /left/) // progress is no data
  const text = (seed: string) =>
    inProcess('sample', 'runs/tiny', '--prompt', 'Call', '--tokens', '20', '--seed', seed)
  const [a, b] = [await text('1'), await text('1')]
  assert.equal(a.stdout, b.stdout)
  assert.match(a.stdout, /^Call/)
})

test('a killed run goes on and ends with the same bytes', async () => {
  await writeFile(join(home, 'killed.yaml'), tiny('killed'))
  const first = start(home, 'train', 'killed.yaml')
  await first.said('checkpoint after step 4')
  first.kill('SIGKILL')
  await first.ended
  const again = await inProcess('train', 'runs/killed', '--json')
  assert.equal(again.code, 0, again.stderr)
  assert.equal(await rootIn('killed'), await rootIn('tiny'))
  for (const file of await readdir(run('tiny'))) {
    if (['manifest.json', 'checkpoints'].includes(file)) continue
    assert.deepEqual(await readFile(join(run('killed'), file)), await readFile(join(run('tiny'), file)), file)
  }
})

test('a full disk ends the run with what to do, and the run goes on once there is room', async (t) => {
  if (process.platform !== 'linux') return t.skip('needs /dev/full')
  await unfinished('full')
  const partial = `${join(run('full'), 'checkpoints', 'step-00000012.safetensors')}.partial`
  await symlink('/dev/full', partial)
  const stopped = await inProcess('train', 'runs/full', '--json')
  assert.equal(stopped.code, 3)
  const { error } = jsonOf(stopped)
  assert.deepEqual([error.code, error.value], ['ENOSPC', 'on a full disk'])
  assert.match(error.field, /step-00000012/)
  assert.match(error.remedy, /Free some space/)
  assert.equal((await inProcess('train', 'runs/full')).code, 0)
  assert.equal(await rootIn('full'), await rootIn('tiny'))
})

test('a cut-off and a corrupted checkpoint are named by verify, and made again by train', async () => {
  await cp(run(), run('damaged'), { recursive: true })
  await truncate(checkpoint('damaged', 4), 5000)
  const bytes = await readFile(checkpoint('damaged', 8))
  await writeFile(checkpoint('damaged', 8), bytes.with(9000, bytes[9000]! ^ 1))
  const verdict = await inProcess('verify', 'runs/damaged')
  assert.equal(verdict.code, 2)
  assert.match(verdict.stderr, /step-00000004\.safetensors.*lockstep train RUN.*\[file-damaged\]/)
  const repaired = await inProcess('train', 'runs/damaged')
  assert.equal(repaired.code, 0)
  assert.match(repaired.stderr, /checkpoint 4 is made again/)
  assert.match(repaired.stderr, /checkpoint 8 is made again/)
  assert.equal((await inProcess('verify', 'runs/damaged')).code, 0)
})

test('a corrupted or cut-off program, input, tokenizer, manifest, claim and model are each named', async () => {
  await cp(run(), run('files'), { recursive: true })
  for (const file of [
    'program.lockstep',
    'inputs.safetensors',
    'tokenizer.json',
    'manifest.json',
    'claim.json',
  ]) {
    const path = join(run('files'), file)
    const good = await readFile(path)
    await writeFile(path, good.subarray(0, good.length >> 1))
    const { code, stderr } = await inProcess('verify', 'runs/files')
    assert.equal(code, 2, `${file}: ${stderr}`)
    assert.match(stderr, /allowed: /, file)
    await writeFile(path, good)
  }
  await truncate(join(run('files'), 'model.safetensors'), 3000)
  const { code, stderr } = await inProcess('sample', 'runs/files')
  assert.equal(code, 2)
  assert.match(stderr, /of runs.files.model\.safetensors is .*\[file-damaged\]/)
})

test('the manifest of another run, or another text, touches nothing', async () => {
  await writeFile(
    join(home, 'other.yaml'),
    tiny('tiny', (text) => text.replace('steps: 12', 'steps: 13')),
  )
  const before = await readFile(join(run(), 'manifest.json'))
  const { code, stderr } = await inProcess('train', 'other.yaml')
  assert.equal(code, 2)
  assert.match(stderr, /another directory with --out.*\[run-differs\]/)
  assert.deepEqual(await readFile(join(run(), 'manifest.json')), before)
})

test('tokens of a wrong dtype or shape are named with what was expected', async () => {
  await cp(run(), run('types'), { recursive: true })
  const path = join(run('types'), 'inputs.safetensors')
  const cases = [
    [
      { dtype: 'f32', shape: [4], data: new Uint8Array(16) },
      /corpus in .* is f32; allowed: u8 or u32.*\[wrong-dtype\]/,
    ],
    [
      { dtype: 'u8', shape: [2, 8], data: new Uint8Array(16) },
      /corpus in .* is \[2,8\]; allowed: one dimension.*\[wrong-shape\]/,
    ],
  ] as const
  for (const [tensor, pattern] of cases) {
    await writeFile(path, encodeSafetensors(new Map([['corpus', tensor]])))
    const { code, stderr } = await inProcess('verify', 'runs/types')
    assert.equal(code, 2)
    assert.match(stderr, pattern)
  }
})

test('a flipped bit of the text is found, and written again from the text with the checkpoints kept', async () => {
  await writeFile(join(home, 'flipped.yaml'), tiny('flipped'))
  assert.equal((await inProcess('train', 'flipped.yaml')).code, 0)
  for (const file of ['inputs.safetensors', 'held-out.safetensors']) {
    const path = join(run('flipped'), file)
    const good = await readFile(path)
    await writeFile(path, good.with(-100, good.at(-100)! ^ 1))
    for (const command of ['verify', 'train', 'export-proof']) {
      const { code, stderr } = await inProcess(command, 'runs/flipped')
      assert.equal(code, 2, command)
      assert.match(
        stderr,
        /^lockstep: digest of .*safetensors is .*lockstep train MANIFEST.*\[file-damaged\]$/m,
      )
    }
    const again = await inProcess('train', 'flipped.yaml')
    assert.equal(again.code, 0, again.stderr)
    assert.deepEqual(await readFile(path), good)
  }
  assert.equal(await rootIn('flipped'), await rootIn('tiny'))
})

test('a run whose files have become those of another task is refused, and its claim stays', async () => {
  await cp(run(), run('reseeded'), { recursive: true })
  const path = join(run('reseeded'), 'manifest.json')
  await writeFile(path, (await readFile(path, 'utf8')).replace('"seed": 1,', '"seed": 2,'))
  const finished = await inProcess('train', 'runs/reseeded')
  assert.equal(finished.code, 2)
  assert.match(finished.stderr, /initialItem of .*claim\.json is .*\[claim-differs\]/)
  assert.equal(await rootIn('reseeded'), await rootIn('tiny'))
  await rm(join(run('reseeded'), 'claim.json'))
  const unfinished = await inProcess('train', 'runs/reseeded')
  assert.equal(unfinished.code, 2)
  assert.match(unfinished.stderr, /step-00000000\.safetensors is .*\[run-differs\]/)
})

test('the initial state is made again too', async () => {
  await cp(run(), run('start'), { recursive: true })
  const good = await readFile(checkpoint('start', 0))
  await truncate(checkpoint('start', 0), 3000)
  assert.equal((await inProcess('train', 'runs/start')).code, 0)
  assert.deepEqual(await readFile(checkpoint('start', 0)), good)
})

test('a reader that closes stdout and stderr early stops no training', async () => {
  await writeFile(join(home, 'piped.yaml'), tiny('piped'))
  const unread = start(home, 'train', 'piped.yaml')
  unread.unread()
  assert.equal((await unread.ended).code, 0)
  assert.equal(await rootIn('piped'), await rootIn('tiny'))
})

test('data that finds no room on stdout is an error of the surroundings, in one line', async (t) => {
  if (process.platform !== 'linux') return t.skip('needs /dev/full')
  const full = openSync('/dev/full', 'w')
  const { status, stderr } = spawnSync(process.execPath, [main, '--help'], {
    stdio: ['ignore', full, 'pipe'],
    encoding: 'utf8',
  })
  closeSync(full)
  assert.equal(status, 3)
  assert.match(stderr, /^lockstep: stdout is on a full disk; .*\n$/)
})
