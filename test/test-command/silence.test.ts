import { describe, expect, it } from 'vitest';
import { Silence } from '../../scripts/test/silence.js';

describe('the silence of a test run', () => {
  it('is as long as nothing began or ended', () => {
    let now = 0;
    const silence = new Silence(() => now);
    now = 1000;
    expect(silence.milliseconds).toBe(1000);
    silence.began('a');
    expect(silence.milliseconds).toBe(0);
    now = 5000;
    silence.ended('a');
    expect(silence.milliseconds).toBe(0);
  });

  it('is told once per time, with what runs, the oldest first', () => {
    let now = 0;
    const silence = new Silence(() => now);
    silence.began('a');
    silence.began('b');
    now = 30_000;
    silence.ended('b');
    silence.began('c');
    now = 89_999;
    expect(silence.worthSaying(60_000)).toBeUndefined();
    now = 90_000;
    expect(silence.worthSaying(60_000)).toEqual(['a (for 1.5 min)', 'c (for 1.0 min)']);
    now = 149_999;
    expect(silence.worthSaying(60_000)).toBeUndefined();
    now = 150_000;
    expect(silence.worthSaying(60_000)).toHaveLength(2);
  });
});
