import type { AssistStorage, TextKind } from '@lockstep/assist'

/** The texts that are written here, one of each kind. */
export type Documents = {
  read(kind: TextKind): Promise<string>
  /** Keeps a text soon; what is given later for the same kind takes its place. */
  write(kind: TextKind, text: () => string): void
  /** Keeps at once what is still to be kept. */
  flush(): Promise<void>
}

/** Milliseconds for which changes gather, so that a text is not written whole for every key. */
const SOON = 250

export const openDocuments = (storage: AssistStorage, failed: (error: unknown) => void): Documents => {
  const due = new Map<TextKind, () => string>()
  let timer: ReturnType<typeof setTimeout> | undefined
  const keyOf = (kind: TextKind): string => `documents/${kind}`
  const flush = async (): Promise<void> => {
    clearTimeout(timer)
    timer = undefined
    const now = [...due]
    due.clear()
    for (const [kind, text] of now) await storage.put(keyOf(kind), new TextEncoder().encode(text()))
  }
  return {
    read: async (kind) => new TextDecoder().decode(await storage.get(keyOf(kind))),
    write: (kind, text) => {
      due.set(kind, text)
      timer ??= setTimeout(() => void flush().catch(failed), SOON)
    },
    flush,
  }
}
