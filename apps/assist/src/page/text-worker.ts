import {
  createBreath,
  learnedAcceptance,
  openTextSuggester,
  type Port,
  readTextBase,
  serveModel,
} from '@lockstep/assist'
import { createWasmExecutor } from '@lockstep/tensor'

/** The worker in which the model of the editor suggests and learns. */
serveModel(globalThis as unknown as Port, async () => {
  const executor = await createWasmExecutor()
  const { breathe } = createBreath()
  const fetched = await fetch('base-text.safetensors')
  if (!fetched.ok) throw new Error(`base-text.safetensors: ${fetched.status}; start the page's server again.`)
  const base = readTextBase(new Uint8Array(await fetched.arrayBuffer()))
  const suggester = await openTextSuggester({ executor, base, breathe })
  return { suggester, acceptance: await learnedAcceptance(executor) }
})
