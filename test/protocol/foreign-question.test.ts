/**
 * A kernel that asks every client of it, as Deno does: only the client whose cell asks may answer, for the first
 * answer counts. The kernel here is a bare ROUTER.
 */
import { expect, test } from 'vitest';
import { Router } from 'zeromq';
import { ClientChannels } from '../../kernel/protocol/client-channels.js';
import { newConnection } from '../../kernel/protocol/connection-file.js';
import { Session } from '../../kernel/protocol/wire.js';
import { patienceMs } from '../support/patience.js';

test("a question for another client's cell is left to that client", async () => {
  const connection = await newConnection('made-up');
  const session = new Session(connection.key);
  const stdin = new Router({ linger: 0, receiveTimeout: patienceMs });
  const shell = new Router({ linger: 0, receiveTimeout: patienceMs });
  await stdin.bind(`tcp://127.0.0.1:${connection.stdin_port}`);
  await shell.bind(`tcp://127.0.0.1:${connection.shell_port}`);
  const channels = new ClientChannels(connection, 'made-up', () => {});
  try {
    await channels.stdinConnected;
    void channels
      .send('execute_request', {} as never, { handlers: { onInput: (prompt) => `to ${prompt}` } })
      .catch(() => {}); // never answered, rejected at the end
    const { identities, message: cell } = session.decode(await shell.receive());
    const ask = (prompt: string, parent: typeof cell.header) =>
      stdin.send(
        session.encode(session.make('input_request', { prompt, password: false }, { parent }), identities),
      );
    await ask('theirs', { ...cell.header, msg_id: 'of another client' });
    await ask('mine', cell.header);
    const answer = session.decode(await stdin.receive()).message;
    expect(answer.content).toEqual({ value: 'to mine' });
  } finally {
    channels.close(new Error('the test is over'));
    stdin.close();
    shell.close();
  }
});
