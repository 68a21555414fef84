/** Addresses as people have them at hand, and what is never repeated of them. */
import { describe, expect, test } from 'vitest';
import { GatewayError, parseAddress } from '../../scripts/gateway/address.js';

const env = { KERNELBOOK_GATEWAY_TOKEN: 'of the environment' };
const server = 'http://host:8888/user/ada/';

describe('the server of an address', () => {
  test.each([
    'http://host:8888/user/ada',
    'HTTP://HOST:8888//user/ada//',
    'http://host:8888/user/ada/lab?token=',
    'http://host:8888/user/ada/tree#top',
    'http://host:8888/user/ada/lab/tree/a/b.ipynb?reset',
    'http://host:8888/user/ada/lab/workspaces/auto-1',
    'http://host:8888/user/ada/notebooks/a.ipynb',
    'http://host:8888/user/ada/tree/folder',
  ])('%s', (address) => {
    expect(parseAddress(address, env)).toEqual({ url: server, token: 'of the environment' });
  });

  test('a path that only looks like a page stays; a token in the address goes first', () => {
    expect(parseAddress('https://host/lab/user?token=mine', env)).toEqual({
      url: 'https://host/lab/user/',
      token: 'mine',
    });
  });
});

test.each([
  ['ftp://host/?token=hidden', /^--gateway "ftp:\/\/host\/" is not the URL of a server/],
  ['host:8888/lab?token=hidden', /did you mean http:\/\/host:8888\/lab\?$/],
  ['http://ada:hidden@host:88888/', /^--gateway "http:\/\/host:88888\/" is not the URL/],
  ['http://ada:hidden@host/', /know no user and password; give the token in KERNELBOOK_GATEWAY_TOKEN$/],
])('%s is refused without what may be secret', (address, message) => {
  expect(() => parseAddress(address, {})).toThrow(GatewayError);
  expect(() => parseAddress(address, {})).toThrow(message);
  expect(() => parseAddress(address, {})).not.toThrow(/hidden/);
});
