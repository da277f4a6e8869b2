import {
  createBreath,
  learnedAcceptance,
  ngramMemory,
  openSuggester,
  type Port,
  programsOf,
  serveModel,
  TEXT_MODEL,
  TEXT_SYMBOLS,
} from '@lockstep/assist'
import { createWasmExecutor } from '@lockstep/tensor'

/** The worker in which the model of the editor suggests and learns: a network that starts from nothing, and a memory. */
serveModel(globalThis as unknown as Port, async () => {
  const executor = await createWasmExecutor()
  const { breathe } = createBreath()
  const suggester = await openSuggester({
    ...{ executor, model: TEXT_MODEL, breathe },
    memory: () => ngramMemory(TEXT_SYMBOLS),
    parameters: programsOf(TEXT_MODEL).first(1),
  })
  return { suggester, acceptance: await learnedAcceptance(executor) }
})
