/**
 * A kernel that kills itself at the moment which a cell names: `die MOMENT`. Everything it has sent by then is given
 * time to arrive. Run as a kernel with the connection file, and a moment of its start where it is to die then.
 */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { KernelSockets } from '../../dist/kernel/protocol/sockets.js';
import { Session } from '../../dist/kernel/protocol/wire.js';

const [file, atStart] = process.argv.slice(2);
const connection = JSON.parse(readFileSync(file, 'utf8'));
const session = new Session(connection.key);
const sockets = new KernelSockets(connection, session, onMessage, () => {});
await sockets.bind();
let count = 0;

async function onMessage(channel, { message, identities }) {
  const { type, header: parent, content } = message;
  if (channel === 'stdin' || !type.endsWith('_request')) return;
  const publish = (kind, fields) => sockets.publish(session.make(kind, fields, { parent }));
  const reply = (fields) =>
    sockets.send(channel, session.make(type.replace('_request', '_reply'), fields, { parent }), identities);
  const steps = {
    arrival: () => {},
    busy: () => publish('status', { execution_state: 'busy' }),
    input: () => publish('execute_input', { code: content.code, execution_count: ++count }),
    output: () => publish('stream', { name: 'stdout', text: 'shown\n' }),
    reply: () => reply(answer(type)),
    idle: () => publish('status', { execution_state: 'idle' }),
  };
  const named = /^die (.+)$/.exec(content.code ?? '')?.[1];
  const moment = named ?? (type === 'kernel_info_request' ? atStart : undefined);
  const order = moment === 'idle' ? ['idle', 'reply'] : ['reply', 'idle'];
  const shown = type === 'execute_request' ? ['input', 'output'] : [];
  for (const step of ['arrival', 'busy', ...shown, ...order]) {
    steps[step]();
    if (step === moment) await die();
  }
  if (type === 'shutdown_request') await die();
}

function answer(type) {
  if (type === 'execute_request') return { status: 'ok', execution_count: count, user_expressions: {} };
  if (type === 'shutdown_request') return { status: 'ok', restart: false };
  return {
    status: 'ok',
    protocol_version: '5.3',
    implementation: 'dying',
    implementation_version: '1',
    language_info: { name: 'x', version: '1', mimetype: 'text/plain', file_extension: '.x' },
    banner: '',
  };
}

async function die() {
  await sockets.sent();
  await sleep(100);
  process.kill(process.pid, 'SIGKILL');
  await new Promise(() => {});
}
