/** A TCP proxy on loopback whose connections a test can cut, and that can refuse new ones for a while. */
import { createServer, connect as dial, type Server, type Socket } from 'node:net';

export class CuttableProxy {
  readonly #open = new Set<Socket>();
  #server: Server | undefined;
  #refusing = false;

  constructor(private readonly target: number) {}

  async listen(): Promise<number> {
    this.#server = createServer((client) => this.#join(client));
    await new Promise<void>((resolve) => this.#server!.listen(0, '127.0.0.1', resolve));
    return (this.#server.address() as { port: number }).port;
  }

  /** Drops what is connected; with `refuse`, nobody gets through until `restore`. */
  cut(refuse: boolean): void {
    this.#refusing = refuse;
    for (const socket of this.#open) socket.destroy();
  }

  restore(): void {
    this.#refusing = false;
  }

  close(): void {
    this.cut(true);
    this.#server?.close();
  }

  #join(client: Socket): void {
    if (this.#refusing) {
      client.destroy();
      return;
    }
    const server = dial(this.target, '127.0.0.1');
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#open.add(from);
      from.on('error', () => to.destroy());
      from.once('close', () => {
        this.#open.delete(from);
        to.destroy();
      });
      from.pipe(to);
    }
  }
}
