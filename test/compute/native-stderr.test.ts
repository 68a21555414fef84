/** What native code writes to stderr: the lines that nobody needs are left out, all others come. */
import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';

const built = new URL('../../dist/src/compute/native-stderr.js', import.meta.url).href;

it('leaves out the lines that match, and only while the call runs', () => {
  // A child with the same stderr writes past Node, as native code does.
  const script = `
    import { execSync } from 'node:child_process';
    import { withoutNativeLines } from '${built}';
    const say = (text) => execSync('printf "' + text + '" >&2', { stdio: 'inherit' });
    const result = withoutNativeLines(/limit \\d/, () => { say('limit 1\\nuseful\\nlimit 2\\nno end'); return 7; });
    say('\\nlimit 3\\n');
    try { withoutNativeLines(/x/, () => { say('before the error\\n'); throw new Error('passed on'); }); }
    catch (error) { console.error(error.message); }
    console.log(result);`;
  const child = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
  expect(child.stdout).toBe('7\n');
  expect(child.stderr).toBe('useful\nno end\nlimit 3\nbefore the error\npassed on\n');
});
