/**
 * The conformance suite on our kernel, which must pass all of it, and on ipykernel, whose passes show that the checks
 * are not made for one kernel and whose known faults that they can fail.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { findKernelSpec, ownName } from '../../kernel/kernelspec.js';
import { packageRoot } from '../../kernel/package-root.js';
import { type Check, must } from '../../scripts/conformance/check.js';
import { type CheckResult, runSuite } from '../../scripts/conformance/run-suite.js';
import { suite } from '../../scripts/conformance/suite.js';
import { describeRequires } from '../support/requires.js';

const but = (results: readonly CheckResult[], verdict: CheckResult['verdict']) =>
  results.filter((result) => result.verdict !== verdict).map(({ check, why }) => `${check}: ${why}`);

test('our kernel passes every check', async () => {
  const { results, messages } = await runSuite(findKernelSpec(ownName), { groups: suite });
  expect(but(results, 'pass')).toEqual([]);
  expect(results.length).toBe(suite.flatMap(({ checks }) => checks).length);
  expect(messages).toBeGreaterThan(200);
});

describeRequires('venv', 'ipykernel', () => {
  test('passes the checks of requests, outputs, assistance, stdin and subshells but the known ones', {
    timeout: 240_000,
  }, async () => {
    const groups = suite.filter(({ title }) => !/interrupt|shutdown/.test(title));
    const { results } = await runSuite(findKernelSpec('python3'), { groups });
    const failed = but(results, 'pass').filter(
      (complaint) =>
        // It names 5.3 in kernel_info and 5.4 in its headers.
        !complaint.startsWith('kernel_info tells the truth') &&
        // Its refusal to delete a subshell twice is an error without ename and traceback, and nothing else is amiss.
        !/^replies have .*: delete_subshell_reply\.ename is absent \(1 ×\); \S+traceback is absent \(1 ×\)$/.test(
          complaint,
        ),
    );
    expect(failed).toEqual([]);
  });
});

describe('a check that does not pass', () => {
  const run = async (...checks: Partial<Check>[]) => {
    const groups = [
      {
        title: 'made up',
        checks: checks.map((check, index) => ({
          name: `${index}`,
          section: 'none',
          run: async () => {},
          ...check,
        })),
      },
    ];
    return (await runSuite(findKernelSpec(ownName), { groups })).results;
  };

  test('fails with its reason; a kernel it has broken is replaced', async () => {
    const pids: (number | undefined)[] = [];
    const results = await run(
      {
        run: async ({ client }) => {
          pids.push(client.pid);
          must(false, 'as it should');
        },
      },
      {
        run: async ({ client, probe, code }) => {
          pids.push(client.pid);
          await probe.start(code('interruptLoop'));
          must(false, 'with a loop left behind');
        },
      },
      { run: async ({ client }) => void pids.push(client.pid) },
    );
    expect(results.map(({ verdict, why }) => [verdict, why])).toEqual([
      ['fail', 'as it should'],
      ['fail', 'with a loop left behind'],
      ['pass', undefined],
    ]);
    expect(pids[1]).toBe(pids[0]);
    expect(pids[2]).not.toBe(pids[1]);
  });

  test('hangs: it fails at its time limit; a dead kernel fails too', async () => {
    const results = await run(
      { timeoutMs: 200, run: () => new Promise(() => {}) },
      {
        run: async ({ client, probe, code }) => {
          const id = await probe.start(code('interruptLoop'));
          client.process.signal('SIGKILL');
          await probe.answer(id, 'execute_reply');
        },
      },
      { run: async ({ probe, code }) => void (await probe.execute(code('value'))) },
    );
    expect(results.map(({ verdict, why }) => [verdict, why])).toEqual([
      ['fail', 'not done within 0.2 s'],
      ['fail', 'the kernel died; no execute_reply'],
      ['pass', undefined],
    ]);
  });
});

test('the command: a kernel that is not there is bad usage', () => {
  const main = join(packageRoot(), 'dist', 'scripts', 'main.js');
  const { status, stderr } = spawnSync(process.execPath, [main, 'conformance', 'no-such-kernel'], {
    encoding: 'utf8',
  });
  expect(status).toBe(2);
  expect(stderr).toMatch(/^kernelbook conformance: no kernel named "no-such-kernel"/);
});
