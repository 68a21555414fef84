/**
 * A Jupyter server or Enterprise Gateway on which the runner starts its kernels, through JupyterLab's own client. The
 * token travels in a header only, never in a URL, which servers write to their logs.
 */
import { KernelSpecAPI, ServerConnection } from '@jupyterlab/services';
import WebSocket from 'ws';
import { type KernelSpec, KernelSpecError, nearest } from '../../kernel/kernelspec.js';

/** The server cannot be used as it was named; the message says why. */
export class GatewayError extends Error {
  override readonly name = 'GatewayError';
}

/** Read where no token stands in the URL: the command line of a process is not private. */
export const tokenVariable = 'KERNELBOOK_GATEWAY_TOKEN';

export class GatewayServer {
  private constructor(
    /** Without the token. */
    readonly url: string,
    readonly settings: ServerConnection.ISettings,
    readonly specs: readonly KernelSpec[],
  ) {}

  /**
   * @param address `http://host:port/prefix`; a token may stand in it as Jupyter prints it, `?token=…`
   * @throws GatewayError when there is no such server or it refuses us
   */
  static async connect(address: string, env: NodeJS.ProcessEnv = process.env): Promise<GatewayServer> {
    const { url, token } = parseAddress(address, env);
    const settings = ServerConnection.makeSettings({
      baseUrl: url,
      wsUrl: url.replace(/^http/, 'ws'),
      token,
      appendToken: false,
      fetch: explainedFetch,
      WebSocket: webSocketWith(token) as unknown as typeof globalThis.WebSocket,
    });
    const specs = await readSpecs(url, settings, token !== '');
    return new GatewayServer(url, settings, specs);
  }

  /** @throws KernelSpecError naming the kernels the server has, and the nearest one */
  findSpec(name: string): KernelSpec {
    const wanted = name.toLowerCase();
    const found = this.specs.find((spec) => spec.name.toLowerCase() === wanted);
    if (found) return found;
    const names = this.specs.map((spec) => spec.name);
    const near = nearest(wanted, names);
    throw new KernelSpecError(
      `${this.url} has no kernel named ${JSON.stringify(name)}${near ? `, did you mean ${JSON.stringify(near)}?` : '.'} Kernels there: ${names.join(', ') || 'none'}`,
    );
  }

  /** A token may be read by whoever sits between us and this server. */
  get exposesToken(): boolean {
    const { protocol, hostname } = new URL(this.url);
    const loopback = hostname === 'localhost' || hostname === '[::1]' || hostname.startsWith('127.');
    return this.settings.token !== '' && protocol === 'http:' && !loopback;
  }
}

function parseAddress(address: string, env: NodeJS.ProcessEnv): { url: string; token: string } {
  const parsed = URL.canParse(address) ? new URL(address) : undefined;
  if (parsed?.protocol !== 'http:' && parsed?.protocol !== 'https:') {
    throw new GatewayError(
      `--gateway ${JSON.stringify(address)} is not the URL of a server: http://host:port or https://…`,
    );
  }
  const token = parsed.searchParams.get('token') ?? env[tokenVariable] ?? '';
  // JupyterLab's own page is often what is copied from a terminal or a browser.
  const path = parsed.pathname.replace(/\/(lab|tree)\/?$/, '/');
  return { url: `${parsed.origin}${path.endsWith('/') ? path : `${path}/`}`, token };
}

/** A web socket that names our token in its header, as the REST calls do. */
function webSocketWith(
  token: string,
): new (
  address: string | URL,
  protocols?: string | string[],
) => WebSocket {
  if (token === '') return WebSocket;
  return class extends WebSocket {
    constructor(address: string | URL, protocols?: string | string[]) {
      super(address, protocols, { headers: { Authorization: `token ${token}` } });
    }
  };
}

async function readSpecs(
  url: string,
  settings: ServerConnection.ISettings,
  hasToken: boolean,
): Promise<KernelSpec[]> {
  try {
    const { kernelspecs } = await KernelSpecAPI.getSpecs(settings);
    return Object.values(kernelspecs).flatMap((model) =>
      model
        ? [
            {
              name: model.name,
              displayName: model.display_name,
              language: model.language,
              argv: model.argv,
              // The server interrupts its kernels itself, as each of them wants it.
              interruptMode: 'message' as const,
              env: {},
              resourceDir: '',
              metadata: (model.metadata ?? {}) as Record<string, unknown>,
            },
          ]
        : [],
    );
  } catch (error) {
    throw new GatewayError(`${url} ${whyRefused(error, hasToken)}`);
  }
}

function whyRefused(error: unknown, hasToken: boolean): string {
  if (error instanceof ServerConnection.ResponseError) {
    const { status } = error.response;
    if (status === 401 || status === 403) {
      return hasToken
        ? `refuses the token (HTTP ${status})`
        : `needs a token (HTTP ${status}): set ${tokenVariable}`;
    }
    return `is no Jupyter server: it answers its kernelspecs with HTTP ${status}`;
  }
  const reason = error instanceof Error ? error.message : String(error);
  const certificate = /certificate|self-signed/i.test(reason)
    ? '; a certificate of your own authority is accepted with NODE_EXTRA_CA_CERTS=FILE'
    : '';
  return `cannot be reached: ${reason}${certificate}`;
}

/** JupyterLab's client keeps the message of a failure only, so that it has to say everything. */
const explainedFetch: typeof fetch = async (input, init) => {
  try {
    return await fetch(input, init);
  } catch (error) {
    throw new TypeError(describeNetworkError(error));
  }
};

/** What lies behind fetch's "fetch failed". */
function describeNetworkError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const inner = error.cause;
  if (inner instanceof AggregateError) return describeNetworkError(inner.errors[0]);
  return inner instanceof Error ? describeNetworkError(inner) : error.message;
}
