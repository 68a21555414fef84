import { describe, expect, it, vi } from 'vitest';
import type { PartName, PartState } from '../../scripts/setup/part.js';
import { bringUp } from '../../scripts/setup/setup.js';

const state = (ready: boolean, reason = 'as the test wants it'): PartState => ({
  name: 'kernelspec',
  ready,
  reason,
});
const venv = { venv: { ...state(true), name: 'venv' as const } };

/** Tools whose probes answer in turn, and whose installer gives `failure`. */
function tools(probes: PartState[], failure?: string) {
  const installer = vi.fn((say: (line: string) => void) => {
    say('installing something');
    return failure;
  });
  return { probe: vi.fn((_name: PartName) => probes.shift()!), install: () => installer, installer };
}

describe('bringing up one part', () => {
  it('installs nothing when it is there', () => {
    const given = tools([state(true)]);
    expect(bringUp('kernelspec', venv, () => {}, given)).toEqual(state(true));
    expect(given.installer).not.toHaveBeenCalled();
  });

  it('installs what is missing, says so, and tries it again', () => {
    const given = tools([state(false, 'gone'), state(true, 'found')]);
    const said: string[] = [];
    expect(bringUp('kernelspec', venv, (line) => said.push(line), given)).toEqual(state(true, 'found'));
    expect(said).toEqual(['setup: kernelspec: installing something']);
  });

  it('does not claim what an installer only believes', () => {
    const given = tools([state(false), state(false, 'still does not start')]);
    const reason = 'installed, but still does not start';
    expect(bringUp('kernelspec', venv, () => {}, given)).toEqual(state(false, reason));
  });

  it('gives the reason of a failed installation, without trying again', () => {
    const given = tools([state(false)], 'no network');
    expect(bringUp('kernelspec', venv, () => {}, given)).toEqual(state(false, 'no network'));
    expect(given.probe).toHaveBeenCalledTimes(1);
  });

  it('leaves out what would stand on a missing part', () => {
    const given = tools([state(false)]);
    expect(bringUp('kernelspec', {}, () => {}, given).reason).toMatch(
      /^Jupyter tools in \.venv .* is missing$/,
    );
    expect(given.installer).not.toHaveBeenCalled();
  });
});
