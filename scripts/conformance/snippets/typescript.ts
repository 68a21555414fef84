/** The snippets in TypeScript. What goes through a kernel's own library is said per kernel. */
import type { Snippets } from './snippets.js';

type Dialect = Pick<
  Snippets,
  'display' | 'displayUpdate' | 'clearOutput' | 'input' | 'password' | 'commInverts' | 'pager'
>;

const common: Omit<Snippets, keyof Dialect> = {
  value: '6 * 7',
  statement: 'const conformanceStatement = 1;',
  stdout: 'console.log("out");',
  stderr: 'console.error("err");',
  lines: 'for (let i = 0; i < 20000; i++) console.log("line " + i);',
  failure: 'throw new Error("boom");',
  lateFailure: 'await new Promise((done) => setTimeout(done, 400)); throw new Error("boom");',
  busy: '{ const end = Date.now() + 2000; while (Date.now() < end) {} }',
  waits:
    'Object.assign(globalThis, { conformanceReleased: false }); for (let i = 0; !Reflect.get(globalThis, "conformanceReleased"); i++) { if (i === 200) throw new Error("nobody released it"); await new Promise((done) => setTimeout(done, 50)); }',
  release: 'Object.assign(globalThis, { conformanceReleased: true }); 0;',
  define: 'const conformanceKept = 41;',
  useDefined: 'conformanceKept + 1',
  lateOutput: 'setTimeout(() => console.log("late"), 500);',
  expression: '40 + 2',
  badExpression: 'noSuchNameHere',
  complete: 'const a = 1;',
  incomplete: 'if (true) {',
  invalid: 'const = )',
  completable: '"😀😀"; Math.ma',
  completion: 'max',
  completed: 2,
  inspectable: 'Math.max',
  documented: 'max',
  unknown: 'noSuchNameHere',
  interruptLoop: 'while (true) {}',
  interruptAfterAwait: 'await new Promise((done) => setTimeout(done, 50)); while (true) {}',
  interruptTimer: 'await new Promise(() => setTimeout(() => { while (true) {} }, 50));',
  // The timer keeps the event loop of a kernel that has none of its own alive.
  interruptPending: 'await new Promise(() => setInterval(() => {}, 1000));',
  interruptSleep: 'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);',
  interruptCatchAll: 'for (;;) { try { JSON.parse("{"); } catch {} }',
  interruptPrinting: 'while (true) console.log("x");',
  interruptMicrotask: 'await null; while (true) {}',
  interruptGenerator: 'for (const x of (function* () { while (true) yield 1; })()) {}',
  interruptSort: 'while (true) Array.from({ length: 1e5 }, Math.random).sort();',
};

/** By the `implementation` of kernel_info, lower case. */
const dialects: Record<string, Dialect> = {
  kernelbook: {
    display: 'await display({ toMimeBundle: () => ({ "text/plain": "shown" }) });',
    displayUpdate:
      'await display({ toMimeBundle: () => ({ "text/plain": "first" }) }, { displayId: "conformance" }); await display({ toMimeBundle: () => ({ "text/plain": "second" }) }, { displayId: "conformance", update: true });',
    clearOutput: 'clearOutput();',
    input: 'await input("name?")',
    password: 'await input("name?", { password: true })',
    commInverts:
      'comms.register("conformance", (comm) => comm.onMessage(({ data, buffers }) => comm.send({ echo: data }, { buffers: buffers.map((bytes) => bytes.map((byte) => 255 - byte)) })));',
    pager: 'Math.max?',
  },
  tslab: {
    display: 'import * as tslab from "tslab"; tslab.display.raw("text/plain", "shown");',
    displayUpdate:
      'import * as tslab from "tslab"; const shown = tslab.newDisplay(); shown.text("first"); shown.text("second");',
    clearOutput: { missing: 'tslab has no call that clears the output' },
    input: { missing: 'tslab has no call that asks the user' },
    password: { missing: 'tslab has no call that asks the user' },
    commInverts: { missing: 'tslab has no call that opens or registers comms' },
    pager: { missing: 'tslab has no syntax that asks for help' },
  },
  deno: {
    display: 'await Deno.jupyter.display({ "text/plain": "shown" }, { raw: true });',
    displayUpdate:
      'await Deno.jupyter.broadcast("display_data", { data: { "text/plain": "first" }, metadata: {}, transient: { display_id: "conformance" } }); await Deno.jupyter.broadcast("update_display_data", { data: { "text/plain": "second" }, metadata: {}, transient: { display_id: "conformance" } });',
    clearOutput: 'await Deno.jupyter.broadcast("clear_output", { wait: false });',
    input: 'prompt("name?")',
    password: { missing: 'Deno has no call that asks for a password' },
    commInverts: { missing: 'Deno has no call that receives comm messages' },
    pager: { missing: 'Deno has no syntax that asks for help' },
  },
};

export function typescript(implementation: string): Snippets {
  const name = implementation.toLowerCase();
  const key = Object.keys(dialects).find((candidate) => name.startsWith(candidate));
  const missing = { missing: `the suite does not know the library of ${implementation}` };
  const unknown = {
    display: missing,
    displayUpdate: missing,
    clearOutput: missing,
    input: missing,
    password: missing,
    commInverts: missing,
    pager: missing,
  };
  return { ...common, ...(key === undefined ? unknown : dialects[key]!) };
}
