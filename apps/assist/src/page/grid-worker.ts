import { learnedAcceptance, openGridModel, type Port, serveModel } from '@lockstep/assist'
import { createWasmExecutor } from '@lockstep/tensor'

/** The worker in which the model of the game suggests and learns. */
serveModel(globalThis as unknown as Port, async () => {
  const executor = await createWasmExecutor()
  const base = await fetch('base-grid.safetensors')
  if (!base.ok) throw new Error(`base-grid.safetensors: ${base.status}; start the page's server again.`)
  const suggester = await openGridModel(executor, new Uint8Array(await base.arrayBuffer()))
  return { suggester, acceptance: await learnedAcceptance(executor) }
})
