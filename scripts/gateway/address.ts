/** The address of a Jupyter server as people have it at hand: with a token, or copied from the browser. */

/** The server cannot be used as it was named; the message says why. */
export class GatewayError extends Error {
  override readonly name = 'GatewayError';
}

/** Read where no token stands in the URL: the command line of a process is not private. */
export const tokenVariable = 'KERNELBOOK_GATEWAY_TOKEN';

/** The pages of JupyterLab and Notebook, below the server's own address. */
const pages = /\/(?:(?:lab|tree)\/?|lab\/(?:tree|workspaces|doc)\/.*|(?:tree|notebooks|edit)\/.*)$/;

/**
 * @param address `http://host:port/prefix`; a token may stand in it as Jupyter prints it, `?token=…`
 * @returns the server's URL, without token and with one slash at its end, and the token, '' where there is none
 */
export function parseAddress(address: string, env: NodeJS.ProcessEnv): { url: string; token: string } {
  const parsed = URL.canParse(address) ? new URL(address) : undefined;
  if (parsed?.protocol !== 'http:' && parsed?.protocol !== 'https:') {
    const shown = JSON.stringify(withoutSecrets(address));
    const near = /^[\w.-]+(:\d+)?(\/|$)/.test(address)
      ? `; did you mean ${withoutSecrets(`http://${address}`)}?`
      : '';
    throw new GatewayError(
      `--gateway ${shown} is not the URL of a server: http://host:port or https://…${near}`,
    );
  }
  if (parsed.username !== '' || parsed.password !== '')
    throw new GatewayError(
      `--gateway ${withoutSecrets(address)}: Jupyter servers know no user and password; give the token in ${tokenVariable}`,
    );
  const path = parsed.pathname.replace(/\/+/g, '/').replace(pages, '/');
  return {
    url: `${parsed.origin}${path.endsWith('/') ? path : `${path}/`}`,
    token: parsed.searchParams.get('token') || env[tokenVariable] || '',
  };
}

/** An address for a message: whatever follows `?` or `#`, or stands before `@`, may be secret. */
function withoutSecrets(address: string): string {
  return address.replace(/[?#].*$/s, '').replace(/^([^/]*\/\/)?[^/]*@/, '$1');
}
