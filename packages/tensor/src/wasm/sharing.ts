/**
 * Why an executor here can have one thread only, as one plain line; undefined where it can have more. Threads share
 * memory and wait for each other in it. Browsers share memory in isolated pages only, and let no page wait, so that
 * an executor of several threads belongs in a worker.
 */
export const whyOneThread = (): string | undefined => {
  if (typeof SharedArrayBuffer === 'undefined')
    return 'this page is not cross-origin isolated, so its threads cannot share memory'
  try {
    // The word is not what is waited for, so this returns at once wherever waiting is allowed.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 1, 0)
    return undefined
  } catch {
    return "a page's main thread may not wait for other threads"
  }
}

/** What to do about it. */
export const howToHaveThreads = (): string =>
  typeof SharedArrayBuffer === 'undefined'
    ? 'serve the page with Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp'
    : 'create the executor in a worker'
