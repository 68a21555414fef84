/** Servers that answer something else than a Jupyter server does, late, or not at all. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { KernelStartError } from '../../kernel/protocol/client.js';
import { GatewayServer } from '../../scripts/gateway/server.js';
import { serverKernels } from '../../scripts/gateway/start-on-server.js';

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

const close: (() => void)[] = [];
afterEach(() => {
  for (const one of close.splice(0)) one();
});

async function serve(handler: Handler): Promise<string> {
  const server = createServer(handler);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  close.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

const answer =
  (status: number, body: string, type = 'text/html'): Handler =>
  (_, response) =>
    response.writeHead(status, { 'content-type': type }).end(body);
const connect = (url: string, limitMs = 20_000) =>
  GatewayServer.connect(url, { env: { KERNELBOOK_GATEWAY_TOKEN: 'hidden' }, limitMs });

test.each([
  ['a page', 200, '<h1>Sign in</h1>', /is no Jupyter server: .* something else \(text\/html\)$/],
  ['null', 200, 'null', /is no Jupyter server/],
  ['another JSON', 200, '{"hello":1}', /is no Jupyter server/],
  ['not found', 404, '<h1>no</h1>', /is no Jupyter server: .*HTTP 404.*the path may lack a part/],
  ['bad gateway', 502, '<h1>no</h1>', /is in trouble: it answers with HTTP 502$/],
  ['forbidden', 403, '{"message":"Forbidden"}', /refuses the token \(HTTP 403\)$/],
])('%s', async (_, status, body, message) => {
  const url = await serve(answer(status, body));
  await expect(connect(url)).rejects.toThrow(message);
  await expect(connect(url)).rejects.not.toThrow(/hidden/);
});

test('a redirection is named and not followed: the token goes to no other server', async () => {
  const asked: (string | undefined)[] = [];
  const other = await serve((request, response) => {
    asked.push(request.headers.authorization);
    response.end('{}');
  });
  const url = await serve((request, response) =>
    response.writeHead(307, { location: `${other}base${request.url}&secret=hidden` }).end(),
  );
  await expect(connect(url)).rejects.toThrow(
    `${url} cannot be reached: it redirects to ${other}base/; if the server is there, give that address`,
  );
  expect(asked).toEqual([]);
});

test('one that says nothing is given up', async () => {
  const url = await serve(() => {});
  await expect(connect(url, 200)).rejects.toThrow(`${url} cannot be reached: it does not answer`);
});

/** Has one kernelspec; what becomes of a request for a kernel is the test's. */
const withSpec =
  (onStart: Handler): Handler =>
  (request, response) => {
    const specs = { default: 'x', kernelspecs: { x: { name: 'x', spec: { argv: [] } } } };
    if (request.method === 'POST') onStart(request, response);
    else answer(200, JSON.stringify(specs), 'application/json')(request, response);
  };

async function start(onStart: Handler, startTimeoutMs: number, signal = new AbortController().signal) {
  const server = await connect(await serve(withSpec(onStart)));
  return serverKernels(server).start(server.findSpec('x'), { cwd: '/', env: {}, startTimeoutMs, signal });
}

test('a kernel that cannot be started is told with the cause the server gives', async () => {
  const traceback = 'Traceback (most recent call last):\n  File "x"\nRuntimeError: no room\n';
  const body = JSON.stringify({ message: 'Unhandled error', traceback });
  const started = start(answer(500, body, 'application/json'), 20_000);
  await expect(started).rejects.toThrow(KernelStartError);
  await expect(started).rejects.toThrow(/: HTTP 500, Unhandled error \(RuntimeError: no room\)$/);
});

test('a server that is away for a while is waited for; one that says nothing no longer than may be', async () => {
  let times = 0;
  const busy: Handler = (request, response) => {
    times++;
    answer(times === 1 ? 503 : 418, 'no')(request, response);
  };
  await expect(start(busy, 20_000)).rejects.toThrow(/HTTP 418/);
  expect(times).toBe(2);
  await expect(start(() => {}, 300)).rejects.toThrow(/could not be started .*: the server does not answer$/);
  const stop = new AbortController();
  const stopped = start(() => stop.abort(new Error('enough')), 600_000, stop.signal);
  await expect(stopped).rejects.toThrow('enough');
});
