const PATIENCE = 20_000;
const RETRIED = new Set([408, 425, 429, 503]);

/** No answer, or none that counts: the request is to be repeated, `wait` milliseconds later at the earliest. */
export class Away extends Error {
  constructor(wait = 0, everywhere = true) {
    super('The server did not answer.');
    Object.assign(this, { wait, everywhere });
  }
}

/** Sends a request, its body as JSON, and returns { status, etag, body }; throws Away where a retry may mend it. */
export async function ask(url, request) {
  const response = await reach(url, options(request));
  const { status } = response;
  if (RETRIED.has(status)) throw new Away(retryAfter(response));
  if (status >= 500) throw new Away(retryAfter(response), false);
  const answer = await response.json().catch(() => undefined);
  // A captive portal answers 200, too, and not in JSON.
  if (response.ok && !(answer instanceof Object)) throw new Away();
  return { status, etag: response.headers.get('ETag'), body: answer };
}

/** What `fetch` needs to send `body`, if there is one, as JSON. */
export function options({ method, headers, body }) {
  if (body === undefined) return { method, headers };
  return { method, headers: { 'Content-Type': 'application/json', ...headers }, body: JSON.stringify(body) };
}

async function reach(url, request) {
  try {
    return await fetch(url, { ...request, signal: AbortSignal.timeout(PATIENCE) });
  } catch {
    throw new Away();
  }
}

/** Retry-After, seconds or a date (RFC 9110, 10.2.3), in milliseconds. */
function retryAfter({ headers }) {
  const value = headers.get('Retry-After');
  const wait = /^\d+$/.test(value) ? value * 1000 : Date.parse(value) - Date.now();
  return wait > 0 ? wait : 0;
}
