/** The notebooks of the workbook pass the strictest check: no type error, and no name that is unused or changes its type. */
import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';

it('the workbook has no findings', () => {
  const args = ['dist/scripts/main.js', 'check', 'notebooks', '--strict'];
  expect(execFileSync(process.execPath, args, { encoding: 'utf8' })).toMatch(
    /^Checked: no errors in \d+ notebooks\.\n$/,
  );
});
