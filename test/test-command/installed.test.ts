/** Commands that need the repository, or another program, say so in a sentence where it is not there. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { whyOnlyInCheckout } from '../../scripts/checkout.js';
import { Workplace } from '../run/helpers.js';

const empty = mkdtempSync(join(tmpdir(), 'kernelbook-installed-'));
afterAll(() => rmSync(empty, { recursive: true }));

it('what is for the checkout says so elsewhere', () => {
  expect(whyOnlyInCheckout(['package.json'])).toBeUndefined();
  expect(whyOnlyInCheckout(['vitest.config.ts'], empty)).toBe(
    `works in a checkout of the repository only: ${join(empty, 'vitest.config.ts')} is not there, as this is the installed package`,
  );
});

it('a bench beside other runners names the Python that lacks them', { timeout: 300_000 }, async () => {
  const place = await Workplace.create();
  try {
    const python = '/nowhere/python';
    const { status, stderr } = await place.kernelbook(['bench', 'runner', '--python', python]);
    expect(status).toBe(1);
    expect(stderr).toContain(`kernelbook bench runner: ${python} does not run (`);
    expect(stderr).toContain('pip install papermill nbclient ipykernel');
    expect(stderr).not.toMatch(/^\s+at /m);
  } finally {
    await place.remove();
  }
});
