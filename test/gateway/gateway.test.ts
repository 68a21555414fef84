/** `kernelbook run --gateway` against real Jupyter servers, which are cut off, killed and come back. */
import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readNotebook } from '../../scripts/notebook/read.js';
import { type Finished, Workplace } from '../run/helpers.js';
import { patienceMs } from '../support/patience.js';
import { describeRequires } from '../support/requires.js';
import { CuttableProxy } from './cuttable-proxy.js';
import { freePort, JupyterServer, type ServerOptions, token } from './jupyter-servers.js';

const limit = 2 * patienceMs;

describeRequires('venv', 'on Jupyter servers', () => {
  let place: Workplace;
  const servers: JupyterServer[] = [];

  beforeAll(async () => {
    place = await Workplace.create();
    await place.notebook('sum.ipynb', 'kernelbook', [
      'const a: number = 20; console.log("from the server"); a',
      'a + 22',
    ]);
    await place.notebook('python.ipynb', 'python3', ['import time\nprint("python")', '6 * 7']);
  });

  afterAll(async () => {
    await Promise.all(servers.map((server) => server.stop()));
    await place.remove();
  });

  async function server(
    options: Partial<ServerOptions> & Pick<ServerOptions, 'kind'>,
  ): Promise<JupyterServer> {
    const one = new JupyterServer({ folder: place.folder, port: await freePort(), ...options });
    servers.push(one);
    await one.start();
    return one;
  }

  function run(url: string, args: string[], env: NodeJS.ProcessEnv = {}): Promise<Finished> {
    return place.kernelbook(['run', '--gateway', url, ...args], undefined, {
      env: { KERNELBOOK_GATEWAY_TOKEN: token, ...env },
    });
  }

  const outputs = async (file: string) =>
    (await readNotebook(place.path('build/notebooks', file))).cells.map((cell) =>
      cell.cell_type === 'code' ? cell.outputs : [],
    );
  const text = async (file: string, cell: number) =>
    (await outputs(file))
      [cell]!.map((output) =>
        output.output_type === 'stream' ? output.text : 'data' in output ? output.data['text/plain'] : '',
      )
      .join('');

  it(
    'runs notebooks of any kernel on a Jupyter server, and leaves none behind',
    async () => {
      const jupyter = await server({ kind: 'server' });
      const { status, stdout, stderr } = await run(jupyter.url, ['sum.ipynb', 'python.ipynb']);
      expect(stderr).toBe('');
      expect(status).toBe(0);
      expect(stdout).not.toContain('WebSocket');
      expect(await text('sum.ipynb', 0)).toBe('from the server\n20');
      expect(await text('sum.ipynb', 1)).toBe('42');
      expect(await text('python.ipynb', 1)).toBe('42');
      await expect.poll(() => jupyter.kernels()).toEqual([]);

      // JupyterLab's client throws where a message lacks what it must have.
      await place.notebook('odd.ipynb', 'python3', [
        'k = get_ipython().kernel\nk.session.send(k.iopub_socket, "stream", {"name": "stdout"}, k.get_parent())\nprint("after")',
      ]);
      const odd = await run(jupyter.url, ['odd.ipynb']);
      expect(odd.status).toBe(0);
      expect(odd.stderr).toMatch(/message of a kernel dropped: .*Missing property 'text'/);
      expect(await text('odd.ipynb', 0)).toBe('after\n');

      await place.notebook('slow.ipynb', 'python3', ['print("begun")\nimport time\ntime.sleep(100)']);
      const slow = await run(jupyter.url, ['slow.ipynb', '--timeout', '5']);
      expect(slow.status).toBe(4);
      expect(await text('slow.ipynb', 0)).toContain('begun\n');

      await place.notebook('dies.ipynb', 'python3', [
        'print("last words", flush=True)',
        'import os\nos._exit(3)',
        '1',
      ]);
      const dies = await run(jupyter.url, ['dies.ipynb']);
      expect(dies.status).toBe(5);
      expect(dies.stderr).toMatch(/cell 2 .*the kernel python3 on http.* is lost: its process died/);
      expect(await text('dies.ipynb', 0)).toBe('last words\n');
      await expect.poll(() => jupyter.kernels()).toEqual([]);
    },
    limit,
  );

  it(
    'runs on a kernel gateway',
    async () => {
      const gateway = await server({ kind: 'kernelgateway' });
      const { status, stderr } = await run(gateway.url, ['sum.ipynb']);
      expect(stderr).toBe('');
      expect(status).toBe(0);
      expect(await text('sum.ipynb', 1)).toBe('42');
    },
    limit,
  );

  it(
    'speaks TLS, and refuses a certificate nobody vouches for',
    async () => {
      const [certificate, key] = [place.path('cert.pem'), place.path('key.pem')];
      execFileSync(
        'openssl',
        [
          'req',
          '-x509',
          '-newkey',
          'rsa:2048',
          '-nodes',
          '-keyout',
          key,
          '-out',
          certificate,
          '-days',
          '2',
          '-subj',
          '/CN=localhost',
          '-addext',
          'subjectAltName=DNS:localhost',
        ],
        { stdio: 'ignore' },
      );
      const jupyter = await server({ kind: 'server', tls: { certificate, key } });
      const refused = await run(jupyter.url, ['sum.ipynb']);
      expect(refused.status).toBe(2);
      expect(refused.stderr).toMatch(/self-signed certificate; .*NODE_EXTRA_CA_CERTS/);
      const { status, stderr } = await run(jupyter.url, ['sum.ipynb'], { NODE_EXTRA_CA_CERTS: certificate });
      expect(stderr).toBe('');
      expect(status).toBe(0);
    },
    limit,
  );

  it(
    'goes on after the connection was cut, with every line of output',
    async () => {
      const jupyter = await server({ kind: 'server' });
      const proxy = new CuttableProxy(jupyter.options.port);
      const url = `http://127.0.0.1:${await proxy.listen()}/`;
      await place.notebook('lines.ipynb', 'python3', [
        'import time\nfor i in range(60):\n    print(i, flush=True)\n    time.sleep(0.1)',
        '"after"',
      ]);
      const running = run(url, ['lines.ipynb']);
      await untilText(place, 'lines.ipynb', jupyter);
      proxy.cut(true);
      await sleep(1500);
      proxy.restore();
      const { status, stderr } = await running;
      proxy.close();
      expect(stderr).toMatch(
        /the connection to http.* broke while a cell ran: what was on its way then may be/,
      );
      expect(status).toBe(0);
      expect(await text('lines.ipynb', 0)).toBe(Array.from({ length: 60 }, (_, i) => `${i}\n`).join(''));
      expect(await text('lines.ipynb', 1)).toBe("'after'");
    },
    limit,
  );

  it(
    'names a server that died, keeps the outputs, and runs the next notebook when it is back',
    async () => {
      const jupyter = await server({ kind: 'server' });
      await place.notebook('lost.ipynb', 'python3', ['print("kept")', 'import time\ntime.sleep(60)', '1']);
      const running = run(jupyter.url, ['lost.ipynb', 'sum.ipynb']);
      await untilText(place, 'lost.ipynb', jupyter);
      await sleep(1500);
      await jupyter.kill();
      await jupyter.start();
      const { status, stdout, stderr } = await running;
      expect(stderr).toMatch(
        /FAILED lost\.ipynb, cell 2 .*KernelDiedError: .* the server came back without it/,
      );
      expect(stdout).toMatch(/sum\.ipynb .*passed/);
      expect(status).toBe(5);
      expect(await text('lost.ipynb', 0)).toBe('kept\n');
      expect(await text('sum.ipynb', 1)).toBe('42');
    },
    limit,
  );

  it(
    'tells what is wrong with the server before anything starts',
    async () => {
      const jupyter = await server({ kind: 'server' });
      const line = async (url: string, args: string[], env: NodeJS.ProcessEnv = {}) => {
        const { status, stdout, stderr } = await run(url, args, env);
        expect([status, stdout]).toEqual([2, '']);
        return stderr.trim();
      };
      expect(await line(jupyter.url, ['sum.ipynb'], { KERNELBOOK_GATEWAY_TOKEN: 'wrong' })).toMatch(
        /refuses the token/,
      );
      expect(await line(jupyter.url, ['sum.ipynb'], { KERNELBOOK_GATEWAY_TOKEN: '' })).toMatch(
        /needs a token/,
      );
      expect(await line(jupyter.url, ['sum.ipynb', '-k', 'python'])).toMatch(
        /no kernel named "python", did you mean "python3"/,
      );
      expect(await line(`http://127.0.0.1:${await freePort()}`, ['sum.ipynb'])).toMatch(
        /cannot be reached: .*ECONNREFUSED/,
      );
      expect(await line('ftp://there', ['sum.ipynb'])).toMatch(/is not the URL of a server/);
    },
    limit,
  );
});

/** Resolves once the first cell runs: its kernel is on the server, and its output on the way. */
async function untilText(place: Workplace, file: string, jupyter: JupyterServer): Promise<void> {
  const end = Date.now() + patienceMs;
  while (Date.now() < end) {
    const book = await readNotebook(place.path('build/notebooks', file)).catch(() => undefined);
    const states = book?.cells.map((cell) => (cell.metadata.papermill as { status?: string })?.status);
    const begun = states?.includes('running') || states?.includes('completed');
    if (begun && (await jupyter.kernels()).length > 0) return;
    await sleep(100);
  }
  throw new Error(`${file} did not begin`);
}
