import { createWasmExecutor } from '@lockstep/tensor'
import { GPT, gptProgram } from './cases.ts'

/** Traces and compiles the GPT step once and prints the milliseconds of both. */
const executor = await createWasmExecutor({ threads: Number(process.argv[2]) })
const begin = performance.now()
const { program, inputs } = gptProgram(GPT)
const traced = performance.now()
const runner = await executor.compile(program, inputs)
const compiled = performance.now()
runner.close()
await executor.close()
console.log(JSON.stringify({ trace: traced - begin, compile: compiled - traced }))
