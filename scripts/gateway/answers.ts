/** What a server's answer, or the lack of one, means for people; and the requests whose failures say so. */
import { tokenVariable } from './address.js';

/**
 * As `fetch`, with messages of its own: JupyterLab's client keeps the message of a failure only. A redirection is a
 * failure too: a request to start a kernel would come out of it as another, and a web socket does not follow it.
 */
export const explainedFetch: typeof fetch = async (input, init) => {
  let response: Response;
  try {
    response = await fetch(input, { ...init, redirect: 'manual' });
  } catch (error) {
    throw new TypeError(describeNetworkError(error));
  }
  const location = response.headers.get('location');
  if (response.status < 300 || response.status >= 400 || location === null) return response;
  await response.body?.cancel();
  throw new TypeError(
    `it redirects to ${serverOf(new URL(location, response.url))}; if the server is there, give that address`,
  );
};

/** What lies behind fetch's "fetch failed". */
function describeNetworkError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError') return 'it does not answer';
  if (error.name === 'AbortError') return 'the attempt was interrupted';
  const inner = error.cause;
  if (inner instanceof AggregateError) return describeNetworkError(inner.errors[0]);
  return inner instanceof Error ? describeNetworkError(inner) : error.message;
}

/** Queries may have secrets, and what we asked for is of no interest. */
function serverOf({ origin, pathname }: URL): string {
  return origin + pathname.replace(/\/api\/.*$/, '/');
}

/** Why a server that could not even be asked cannot be used. */
export function whyUnreachable(error: unknown): string {
  const reason = error instanceof Error ? error.message : String(error);
  const certificate = /certificate|self-signed/i.test(reason)
    ? '; a certificate of your own authority is accepted with NODE_EXTRA_CA_CERTS=FILE'
    : '';
  return `cannot be reached: ${reason}${certificate}`;
}

/** Why an answer that is none of a Jupyter server's, or a refusal, is of no use. */
export function whyRefused(status: number, hasToken: boolean): string {
  if (status === 401 || status === 403)
    return hasToken
      ? `refuses the token (HTTP ${status})`
      : `needs a token (HTTP ${status}): set ${tokenVariable}`;
  if (status === 404)
    return 'is no Jupyter server: it has no kernelspecs (HTTP 404); the path may lack a part, as in http://host:port/user/name/';
  if (status >= 500) return `is in trouble: it answers with HTTP ${status}`;
  return `is no Jupyter server: it answers with HTTP ${status}`;
}
