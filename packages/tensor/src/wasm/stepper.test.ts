import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'

const script = `
  import { createWasmExecutor, map, traceProgram } from ${JSON.stringify(new URL('../index.ts', import.meta.url).href)}
  for (const threads of [1, 2]) {
    const executor = await createWasmExecutor({ threads })
    for (const extent of [10_000_000, 1000]) {
      const x = { dtype: 'f32', shape: [extent] }
      const program = traceProgram({ state: {}, inputs: { x } }, (_, { x }) => ({
        state: {}, outputs: { y: map([x], (a) => a.add(a)) },
      }))
      await executor.compile(program, [{ ...x, data: new Uint8Array(4 * extent) }]).then(
        async (runner) => { await runner.step(); console.log('ran'); runner.close() },
        (error) => console.log(error.message),
      )
    }
    await executor.close()
  }
`

test('a program that the machine has no memory for is a fault, and its executor goes on', () => {
  // an engine that gives memories of 64 MiB at most
  const args = ['--wasm-max-mem-pages=1024', '--eval', script]
  const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
  assert.equal(stderr, '')
  const said = stdout.trim().split('\n')
  assert.equal(said.length, 4)
  const fault = /^memory is \d+ bytes; allowed: what the machine gives.*\[program-too-large\]$/
  for (const i of [0, 2]) assert.match(said[i]!, fault)
  for (const i of [1, 3]) assert.equal(said[i], 'ran')
})
