/**
 * Reads a Debian-family machine's own package sources (one-line `.list` and deb822 `.sources` forms, see
 * sources.list(5)) and derives from them the source of the backports suite: same mirror, same keyring. So a machine
 * behind a mirror or on a snapshot needs no other host than the one it already uses.
 */

export interface AptSource {
  uris: string[];
  suites: string[];
  components: string[];
  /** Options that the derived source must share, in their deb822 names (Signed-By may span lines). */
  options: Record<string, string>;
}

const sharedOptions = [
  'Signed-By',
  'Trusted',
  'Check-Valid-Until',
  'Check-Date',
  'Allow-Insecure',
  'Architectures',
];
const canonicalName = (name: string): string | undefined =>
  sharedOptions.find(
    (option) =>
      option.toLowerCase() === (name.toLowerCase() === 'arch' ? 'architectures' : name.toLowerCase()),
  );

/** The enabled binary sources of one file; the file's name tells its form. */
export function parseAptSources(fileName: string, text: string): AptSource[] {
  return fileName.endsWith('.sources') ? parseStanzas(text) : parseLines(text);
}

function parseLines(text: string): AptSource[] {
  return text.split('\n').flatMap((line) => {
    const match = /^\s*deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)([^#]*)/.exec(line);
    if (!match || match[2]!.startsWith('cdrom:')) return [];
    const options: Record<string, string> = {};
    for (const word of (match[1] ?? '').trim().split(/\s+/)) {
      const [name, value] = word.split('=');
      const canonical = canonicalName(name ?? '');
      if (canonical && value) options[canonical] = value.replaceAll(',', ' ');
    }
    return [{ uris: [match[2]!], suites: [match[3]!], components: words(match[4]!), options }];
  });
}

function parseStanzas(text: string): AptSource[] {
  const withoutComments = text.split('\n').filter((line) => !line.startsWith('#'));
  return withoutComments
    .join('\n')
    .split(/\n[ \t]*\n/)
    .flatMap((stanza) => {
      const fields = new Map<string, string>();
      let last: string | undefined;
      for (const line of stanza.split('\n')) {
        const field = /^([A-Za-z-]+)\s*:\s*(.*)$/.exec(line);
        if (field) {
          last = field[1]!.toLowerCase();
          fields.set(last, field[2]!.trimEnd());
        } else if (last && /^[ \t]/.test(line)) {
          fields.set(last, `${fields.get(last)}\n${line}`);
        }
      }
      const enabled = !/^(no|false|0|off|disable)$/i.test(fields.get('enabled') ?? 'yes');
      if (!enabled || !words(fields.get('types') ?? '').includes('deb')) return [];
      const options: Record<string, string> = {};
      for (const option of sharedOptions) {
        const value = fields.get(option.toLowerCase());
        if (value) options[option] = value;
      }
      return [
        {
          uris: words(fields.get('uris') ?? ''),
          suites: words(fields.get('suites') ?? ''),
          components: words(fields.get('components') ?? ''),
          options,
        },
      ];
    });
}

const words = (text: string): string[] => text.split(/\s+/).filter((word) => word !== '');

export type Backports = { have: string } | { add: string; suite: string } | { none: string };

/**
 * What to do to have the backports suite of the release `codename`: nothing (it is among the sources), add the
 * returned deb822 text, or nothing can be done, with the reason.
 */
export function backportsSource(sources: AptSource[], codename: string): Backports {
  const suite = `${codename}-backports`;
  if (sources.some((source) => source.suites.includes(suite))) return { have: suite };
  const derived = deriveFrom(sources, codename, [suite]);
  if ('none' in derived) return derived;
  const comment =
    '# Written by kernelbook: a newer software Vulkan for the tests. Deleting this file undoes it.';
  return { add: `${comment}\n${derived.text}`, suite };
}

/** The deb822 text of a source for other suites of the same mirror, whatever Debian release this machine has. */
export function derivedSource(sources: AptSource[], suites: string[]): { text: string } | { none: string } {
  const debian = ['bookworm', 'trixie', 'forky', 'sid'];
  const codename = debian.find((name) => sources.some((source) => source.suites.includes(name)));
  if (!codename) return { none: `no package source of Debian (${debian.join(', ')}) on this machine` };
  return deriveFrom(sources, codename, suites);
}

function deriveFrom(
  sources: AptSource[],
  codename: string,
  suites: string[],
): { text: string } | { none: string } {
  const base = sources.find(
    (source) => source.suites.includes(codename) && source.components.includes('main'),
  );
  if (!base) return { none: `no package source for the suite ${codename} with the component main` };
  const options = { ...base.options };
  // A snapshot's release files are older than their validity says; backports have one even where stable has none.
  if (base.uris.some((uri) => /\/\d{8}T\d{6}Z\/?$/.test(uri))) options['Check-Valid-Until'] ??= 'no';
  const lines = [
    'Types: deb',
    `URIs: ${base.uris.join(' ')}`,
    `Suites: ${suites.join(' ')}`,
    'Components: main',
    ...Object.entries(options).map(([name, value]) => `${name}:${value.startsWith('\n') ? '' : ' '}${value}`),
  ];
  return { text: `${lines.join('\n')}\n` };
}
