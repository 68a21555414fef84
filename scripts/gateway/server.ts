/**
 * A Jupyter server or Enterprise Gateway on which the runner starts its kernels, through JupyterLab's own client. The
 * token travels in a header only, never in a URL, which servers write to their logs.
 */
import { ServerConnection } from '@jupyterlab/services';
import { type KernelSpec, KernelSpecError, nearest } from '../../kernel/kernelspec.js';
import { GatewayError, parseAddress } from './address.js';
import { explainedFetch, whyRefused, whyUnreachable } from './answers.js';
import { silenceLibrary } from './kernel-connection.js';
import { kernelSpecsOf } from './kernel-specs.js';
import { webSocketWith } from './web-socket.js';

export interface ConnectOptions {
  env?: NodeJS.ProcessEnv;
  /** How long the server may take to answer. */
  limitMs?: number;
  /** Gives it up. */
  signal?: AbortSignal;
}

export class GatewayServer {
  /** Why the last web socket that failed did so. */
  socketFailure: string | undefined;

  private constructor(
    /** Without the token. */
    readonly url: string,
    readonly settings: ServerConnection.ISettings,
    readonly specs: readonly KernelSpec[],
  ) {}

  /**
   * @param address as `parseAddress` takes it
   * @throws GatewayError when there is no such server or it refuses us
   */
  static async connect(address: string, options: ConnectOptions = {}): Promise<GatewayServer> {
    const { env = process.env, limitMs = 60_000, signal } = options;
    const { url, token } = parseAddress(address, env);
    silenceLibrary();
    let server: GatewayServer | undefined;
    const onError = (reason: string) => {
      if (server) server.socketFailure = reason;
    };
    const settings = ServerConnection.makeSettings({
      baseUrl: url,
      wsUrl: url.replace(/^http/, 'ws'),
      token,
      appendToken: false,
      fetch: explainedFetch,
      WebSocket: webSocketWith(token, onError) as unknown as typeof globalThis.WebSocket,
    });
    const limit = AbortSignal.timeout(limitMs);
    const asked = withSignal(settings, signal ? AbortSignal.any([signal, limit]) : limit);
    server = new GatewayServer(url, settings, await readSpecs(url, asked));
    return server;
  }

  /** For a request that is given up after a while: a server may accept it and then say nothing. */
  within(limitMs: number): ServerConnection.ISettings {
    return withSignal(this.settings, AbortSignal.timeout(limitMs));
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

/** The same settings for a request that ends with the signal. */
export function withSignal(
  settings: ServerConnection.ISettings,
  signal: AbortSignal,
): ServerConnection.ISettings {
  return { ...settings, init: { ...settings.init, signal } };
}

/** Asked for by hand: JupyterLab's function does not tell a refusal from a page that is none of Jupyter's. */
async function readSpecs(url: string, settings: ServerConnection.ISettings): Promise<KernelSpec[]> {
  let response: Response;
  try {
    response = await ServerConnection.makeRequest(`${url}api/kernelspecs`, {}, settings);
  } catch (error) {
    throw new GatewayError(`${url} ${whyUnreachable(error)}`);
  }
  if (!response.ok) throw new GatewayError(`${url} ${whyRefused(response.status, settings.token !== '')}`);
  const specs = kernelSpecsOf(await response.json().catch(() => undefined));
  if (specs) return specs;
  const kind = response.headers.get('content-type') ?? 'nothing';
  throw new GatewayError(
    `${url} is no Jupyter server: in place of its kernelspecs it sends something else (${kind})`,
  );
}
