/** Seeded random code that does not end by itself: where it loops, what surrounds the loop, and how it got there. */
import { pick, type Random, whole } from './fuzz-messages.js';

const loops = [
  'while (true) {}',
  'for (let i = 0; ; i++) if (i < 0) break;',
  'while (true) JSON.parse(JSON.stringify({ a: [1, 2, 3] }));',
  'while (true) Array.from({ length: 1e4 }, Math.random).sort();',
  'while (true) console.log("x");',
  'while (true) process.stdout.write("y".repeat(10_000));',
  '/(a+)+$/.test("a".repeat(40) + "b");',
  'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);',
  'for (const _ of (function* () { while (true) yield 1; })()) {}',
  'while (true) { try { throw new Error("again"); } catch {} }',
  'while (true) require("node:crypto").createHash("sha256").update("x").digest();',
  'while (true) require("node:fs").existsSync("/");',
];
const wraps: ((code: string) => string)[] = [
  (code) => code,
  (code) => `try { ${code} } finally { console.log("finally"); }`,
  (code) => `try { ${code} } catch (error) { console.log("caught", error); }`,
  (code) => `(() => { ${code} })();`,
  (code) => `[3, 1, 2].sort((a, b) => { ${code} return a - b; });`,
  (code) => `new Proxy({}, { get() { ${code} return 1; } } as ProxyHandler<Record<string, number>>)["x"];`,
  (code) => `new (class { constructor() { ${code} } })();`,
];
const ways: ((code: string, ms: number) => string)[] = [
  (code) => code,
  (code, ms) => `await pause(${ms}); ${code}`,
  (code) => `await null; ${code}`,
  (code, ms) => `await new Promise(() => setTimeout(() => { ${code} }, ${ms}));`,
  (code, ms) => `await new Promise(() => setInterval(() => { ${code} }, ${ms}));`,
  (code) => `await new Promise(() => process.nextTick(() => { ${code} }));`,
  (code) => `await new Promise(() => setImmediate(() => { ${code} }));`,
  (code) => `await new Promise(() => queueMicrotask(() => { ${code} }));`,
  (code) => `await new Promise(() => require("node:fs").readFile("/dev/null", () => { ${code} }));`,
  (code) => `await (async () => { await null; ${code} })();`,
  (code, ms) => `setTimeout(() => { ${code} }, ${ms}); await new Promise(() => {});`,
];
const waits = [
  'await new Promise(() => {});',
  'while (true) await pause(1);',
  'while (true) await null;',
  'for await (const _ of (async function* () { while (true) { await pause(2); yield 1; } })()) console.log("z");',
  'await Promise.all([pause(1e6), new Promise(() => {})]);',
  'await import("node:child_process").then(() => pause(1e6));',
];

export function endless(random: Random): string {
  if (random() < 0.15) return pick(random, waits);
  return pick(random, ways)(pick(random, wraps)(pick(random, loops)), whole(random, 30));
}
