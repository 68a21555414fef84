import { describe, expect, it } from 'vitest';
import { backportsSource, parseAptSources } from '../../scripts/setup/apt-sources.js';

const debian12 = `Types: deb
# an address that is no longer used
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
`;

describe('package sources', () => {
  it('reads deb822 stanzas, leaving out comments, disabled stanzas and source-only ones', () => {
    const text = `${debian12}
Types: deb-src
URIs: http://mirror.example/debian
Suites: bookworm
Components: main

Enabled: no
Types: deb
URIs: http://off.example/debian
Suites: bookworm
Components: main
`;
    const sources = parseAptSources('debian.sources', text);
    expect(sources.map(({ suites }) => suites)).toEqual([
      ['bookworm', 'bookworm-updates'],
      ['bookworm-security'],
    ]);
    expect(sources[0]!.uris).toEqual(['http://mirror.example/debian']);
    expect(sources[0]!.options).toEqual({ 'Signed-By': '/usr/share/keyrings/debian-archive-keyring.gpg' });
  });

  it('reads one-line sources with options and comments, leaving out CDs and deb-src', () => {
    const text = `# deb http://commented.example/debian bookworm main
deb cdrom:[Debian 12]/ bookworm main
deb-src http://mirror.example/debian bookworm main
deb [arch=amd64,arm64 signed-by=/etc/apt/keyrings/d.gpg] http://mirror.example/debian bookworm main contrib # note
deb http://mirror.example/debian bookworm-updates main
`;
    expect(parseAptSources('sources.list', text)).toEqual([
      {
        uris: ['http://mirror.example/debian'],
        suites: ['bookworm'],
        components: ['main', 'contrib'],
        options: { Architectures: 'amd64 arm64', 'Signed-By': '/etc/apt/keyrings/d.gpg' },
      },
      {
        uris: ['http://mirror.example/debian'],
        suites: ['bookworm-updates'],
        components: ['main'],
        options: {},
      },
    ]);
  });
});

describe('the backports source', () => {
  const derive = (file: string, text: string, codename: string) =>
    backportsSource(parseAptSources(file, text), codename);

  it('takes mirror and keyring from a Debian 12 deb822 source', () => {
    const backports = derive('debian.sources', debian12, 'bookworm');
    expect(backports).toMatchObject({ suite: 'bookworm-backports' });
    const [source] = parseAptSources('x.sources', 'add' in backports ? backports.add : '');
    expect(source).toEqual({
      uris: ['http://mirror.example/debian'],
      suites: ['bookworm-backports'],
      components: ['main'],
      options: { 'Signed-By': '/usr/share/keyrings/debian-archive-keyring.gpg' },
    });
  });

  it('takes it from one-line sources of Debian 11, without a keyring where there is none', () => {
    const text =
      'deb http://mirror.example/debian/ bullseye main\ndeb http://mirror.example/debian-security bullseye-security main\n';
    const backports = derive('sources.list', text, 'bullseye');
    const [source] = parseAptSources('x.sources', 'add' in backports ? backports.add : '');
    expect(source).toMatchObject({
      uris: ['http://mirror.example/debian/'],
      suites: ['bullseye-backports'],
      options: {},
    });
  });

  it('does not let a snapshot expire', () => {
    const text = 'deb [signed-by=/k.gpg] http://snap.example/archive/debian/20250520T000000Z bookworm main\n';
    const backports = derive('sources.list', text, 'bookworm');
    expect(backports).toHaveProperty('add', expect.stringContaining('\nCheck-Valid-Until: no\n'));
    expect(backports).toHaveProperty(
      'add',
      expect.stringContaining('\nURIs: http://snap.example/archive/debian/20250520T000000Z\n'),
    );
  });

  it('keeps a key that is written into the source', () => {
    const key =
      'Signed-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mQINBGPL0BUBEADmW5NdOOHwPIJlgPu6JDcKw/NZJPR8lsD3K87ZM18gzyQZJD+w\n -----END PGP PUBLIC KEY BLOCK-----';
    const text = `Types: deb\nURIs: http://mirror.example/debian\nSuites: bookworm\nComponents: main\n${key}\n`;
    expect(derive('debian.sources', text, 'bookworm')).toHaveProperty(
      'add',
      expect.stringContaining(`${key}\n`),
    );
  });

  it('adds nothing where the suite is already there', () => {
    const text = `${debian12}\nTypes: deb\nURIs: http://mirror.example/debian\nSuites: bookworm-backports\nComponents: main\n`;
    expect(derive('debian.sources', text, 'bookworm')).toEqual({ have: 'bookworm-backports' });
  });

  it('reads Ubuntu 24.04, and says what is missing for another release', () => {
    const text = `Types: deb
URIs: http://mirror.example/ubuntu/
Suites: noble noble-updates noble-backports
Components: main universe restricted multiverse
Signed-By: /usr/share/keyrings/ubuntu-archive-keyring.gpg
`;
    expect(derive('ubuntu.sources', text, 'noble')).toEqual({ have: 'noble-backports' });
    expect(derive('ubuntu.sources', text, 'bookworm')).toEqual({
      none: 'no package source for the suite bookworm with the component main',
    });
  });
});
