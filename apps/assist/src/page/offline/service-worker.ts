/**
 * Keeps all files of the page, so that it opens when nobody serves it. While it is served they come from the server, so
 * that nobody sees an old page; nothing is ever asked of another place.
 */
export {}

/** The part of a service worker's own scope that is used here: its types and those of a page exclude each other. */
type Event = { waitUntil(work: Promise<unknown>): void }
type Asked = Event & { readonly request: Request; respondWith(answer: Promise<Response>): void }
type Scope = {
  addEventListener(name: 'install' | 'activate', hear: (event: Event) => void): void
  addEventListener(name: 'fetch', hear: (event: Asked) => void): void
  skipWaiting(): Promise<void>
  readonly clients: { claim(): Promise<void> }
}
const scope = globalThis as unknown as Scope

const CACHE = 'files'

/** Every file, anew; those of an older page that are not served any more go. */
const keepAll = async (): Promise<void> => {
  const names = (await (await fetch('files.json')).json()) as string[]
  const cache = await caches.open(CACHE)
  await cache.addAll(names.map((name) => `/${name}`))
  const paths = new Set(names.map((name) => `/${name}`))
  for (const { url } of await cache.keys()) if (!paths.has(new URL(url).pathname)) await cache.delete(url)
}

const answer = async (request: Request): Promise<Response> => {
  const cache = await caches.open(CACHE)
  try {
    const served = await fetch(request)
    if (served.ok) await cache.put(request, served.clone())
    return served
  } catch (error) {
    const kept = await cache.match(request, { ignoreSearch: true })
    if (kept) return kept
    throw error
  }
}

scope.addEventListener('install', (event) => event.waitUntil(keepAll().then(() => scope.skipWaiting())))
scope.addEventListener('activate', (event) => event.waitUntil(scope.clients.claim()))
scope.addEventListener('fetch', (event) => {
  const { request } = event
  const { origin, pathname } = new URL(request.url)
  // What a keeper of rounds answers is true now only.
  if (request.method === 'GET' && origin === location.origin && !pathname.startsWith('/rounds/'))
    event.respondWith(answer(request))
})
